// python3-websockets of Debian, by way of client.py.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Inbox } from './world.mjs';

let child;
const inboxes = [];

function start() {
  child = spawn('/usr/bin/python3', [new URL('client.py', import.meta.url).pathname], { stdio: ['pipe', 'pipe', 'inherit'] });
  createInterface(child.stdout).on('line', (line) => {
    const { n, ...happening } = JSON.parse(line);
    inboxes[n].put(happening);
  });
}

export const stopPython = () => child?.stdin.end();

export const python = {
  name: 'python3-websockets',

  async open(url, { token } = {}) {
    if (!child) start();
    const inbox = new Inbox(), n = inboxes.push(inbox) - 1;
    const tell = async (order) => { child.stdin.write(`${JSON.stringify({ n, ...order })}\n`); };
    let ended = false;
    await tell({ open: url.replace(/^http/, 'ws'), headers: token ? { Authorization: `Bearer ${token()}` } : {} });
    const { opened, refused, retryAfter, failed } = await inbox.next();
    if (opened === undefined) throw Object.assign(new Error(failed ?? 'refused'), { status: refused, retryAfter });
    const next = async () => {
      const heard = await inbox.next();
      ended ||= 'closed' in heard;
      return heard;
    };
    return {
      protocol: opened,
      send: (text) => tell({ send: text }),
      next,
      async close() {
        await tell({ close: true });
        while (!ended) await next();
      },
    };
  },
};
