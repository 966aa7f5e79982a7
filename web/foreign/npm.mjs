// The clients of npm: eventsource and ws.

import { once } from 'node:events';
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';
import { Inbox } from './world.mjs';

const bearer = (token) => token && { Authorization: `Bearer ${token()}` };

export const eventsource = {
  name: 'eventsource of npm',

  // open returns a stream. It hears {opened}, {event, id, data}, {lost} before it comes back by itself, and {closed} with
  // the status that it gives up for.
  async open(url, { token } = {}) {
    const inbox = new Inbox(), authorization = bearer(token);
    const source = new EventSource(url, {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...authorization } }),
    });
    source.addEventListener('open', () => inbox.put({ opened: true }));
    source.addEventListener('error', (e) => inbox.put(source.readyState === EventSource.CLOSED ? { closed: e.code } : { lost: true }));
    for (const event of ['transaction', 'reauth', 'message']) {
      source.addEventListener(event, (e) => inbox.put({ event, id: e.lastEventId, data: e.data }));
    }
    return { next: () => inbox.next(), close: async () => source.close() };
  },
};

export const ws = {
  name: 'ws of npm',

  // open returns a socket, or throws {status, retryAfter}. It hears {text}, and {closed} with the code at its end.
  async open(url, { token } = {}) {
    const inbox = new Inbox();
    const socket = new WebSocket(url.replace(/^http/, 'ws'), 'verdict.v1', { headers: bearer(token) });
    socket.on('message', (data) => inbox.put({ text: data.toString() }));
    socket.on('close', (code, reason) => inbox.put({ closed: code, reason: reason.toString() }));
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject); // of an open socket the close tells
      socket.on('unexpected-response', (_, answer) => {
        reject(Object.assign(new Error('refused'), { status: answer.statusCode, retryAfter: answer.headers['retry-after'] }));
        answer.destroy();
      });
    });
    return {
      protocol: socket.protocol,
      send: async (text) => socket.send(text),
      next: () => inbox.next(),
      async close() {
        if (socket.readyState === WebSocket.CLOSED) return;
        socket.close();
        await once(socket, 'close');
      },
    };
  },
};
