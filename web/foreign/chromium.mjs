// Chromium's own EventSource and WebSocket, each in a page.

import { chromium } from 'playwright-core';
import { Inbox } from './world.mjs';

let context; // one for all: a cookie is its host's, and each test has a host of its own
const pages = new Map(); // by their URLs

async function launch() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--headless=new', '--disable-gpu', '--disable-quic', '--no-first-run', '--renderer-process-limit=2',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
  return browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true }); // the page is a document, whose policy lets it connect nowhere
}

export const closeChromium = async () => (await context)?.browser().close();

// visit opens a page that tells inboxes what its connections hear, and notes what only the browser knows of them.
async function visit(url) {
  const page = await (await (context ??= launch())).newPage();
  const inboxes = [], statuses = new Map(), failures = new Map();
  page.on('response', (answer) => statuses.set(answer.url(), answer.status()));
  page.on('websocket', (socket) => socket.on('socketerror', (words) => failures.set(socket.url(), words)));
  await page.exposeFunction('tell', (n, happening) => inboxes[n].put(happening));
  await page.goto(url);
  await page.evaluate(() => { window.connections = []; });
  return { page, inboxes, statuses, failures };
}

// begin runs connect in a page, one of the gateway's unless told otherwise, with the token in the cookie.
async function begin(url, { token, from = new URL('/openapi.json', url).href }, connect) {
  if (!pages.has(from)) pages.set(from, visit(from));
  const { page, inboxes, ...notes } = await pages.get(from);
  if (token) {
    const { origin } = new URL(url);
    const cookie = { name: '__Host-verdict', value: token(), url: origin, secure: true, httpOnly: true, sameSite: 'Strict' };
    await (await context).addCookies([cookie]);
  }
  const inbox = new Inbox(), n = inboxes.push(inbox) - 1;
  await page.evaluate(connect, [url, n]);
  return { page, n, inbox, ...notes, close: () => page.evaluate((n) => window.connections[n].close(), n) };
}

export const chromiumEventSource = {
  name: "Chromium's EventSource",
  secure: true, // as the cookie must be

  async open(url, options = {}) {
    const { inbox, close, statuses } = await begin(url, options, ([url, n]) => {
      const source = window.connections[n] = new EventSource(url, { withCredentials: true });
      source.addEventListener('open', () => tell(n, { opened: true }));
      source.addEventListener('error', () => tell(n, source.readyState === EventSource.CLOSED ? { closed: true } : { lost: true }));
      for (const event of ['transaction', 'reauth', 'message']) {
        source.addEventListener(event, (e) => tell(n, { event, id: e.lastEventId, data: e.data }));
      }
    });
    return {
      async next() {
        const heard = await inbox.next();
        return heard.closed ? { closed: statuses.get(url) } : heard;
      },
      close,
    };
  },
};

export const chromiumWebSocket = {
  name: "Chromium's WebSocket",
  secure: true,

  async open(url, options = {}) {
    const { page, n, inbox, close, failures } = await begin(url, options, ([url, n]) => {
      const socket = window.connections[n] = new WebSocket(url.replace(/^http/, 'ws'), 'verdict.v1');
      socket.addEventListener('open', () => tell(n, { opened: socket.protocol }));
      socket.addEventListener('message', (e) => tell(n, { text: e.data }));
      socket.addEventListener('close', (e) => tell(n, { closed: e.code, reason: e.reason }));
    });
    const { opened, closed } = await inbox.next();
    if (closed) throw Object.assign(new Error('refused'), { status: statusIn(failures.get(url.replace(/^http/, 'ws'))) });
    return {
      protocol: opened,
      send: (text) => page.evaluate(([n, text]) => window.connections[n].send(text), [n, text]),
      next: () => inbox.next(),
      close,
    };
  },
};

// statusIn reads the status of a refused handshake in what Chromium tells developers, which pages aren't told.
const statusIn = (failure = '') => failure.includes('HTTP Authentication failed') ? 401 : Number(/response code: (\d+)/.exec(failure)?.[1]);
