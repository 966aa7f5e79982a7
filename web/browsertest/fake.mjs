// A gateway in memory, for trying the page in isolation: the page's part of the API, with faults that a real gateway
// can't be asked for. Verdicts follow payload.simulate, as the simulated partner's would.
//
//	node fake.mjs [port]

import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
const folders = { '': new URL('../page/', import.meta.url), 'client/': new URL('../client/dist/', import.meta.url) };

// startFake listens on 127.0.0.1. haste divides the partner's times. faults are taken by the next requests: 'cut' breaks
// the line within the answer to a submit, 'busy' refuses one with 503, 'nostream' refuses an event stream with 503. ail has all
// requests meet a fault, until what it returns is called.
export async function startFake({ port = 0, haste = 10 } = {}) {
  const faults = [], ailments = new Set();
  const gateway = newGateway(haste, faults, ailments);
  const server = createServer((request, response) => gateway.serve(request, response).catch(() => response.destroy()));
  server.on('upgrade', gateway.upgrade);
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    faults,
    ail: (fault) => { ailments.add(fault); return () => ailments.delete(fault); },
    posts: gateway.posts,
    sends: gateway.sends,
    forget: gateway.forget,
    close: () => { server.closeAllConnections(); gateway.stop(); server.close(); },
  };
}

function newGateway(haste, faults, ailments) {
  const byKey = new Map(), byID = new Map(), posts = [], timers = new Set(), sockets = new Set();
  const all = new Set(); // streams of every verdict
  const later = (ms, run) => { const t = setTimeout(() => { timers.delete(t); run(); }, ms); timers.add(t); };
  const real = (text) => (parseFloat(text ?? '0') * 1000) / haste;

  function fault(name) {
    const at = faults.indexOf(name);
    if (at >= 0) faults.splice(at, 1);
    return at >= 0 || ailments.has(name);
  }

  function accept(key, body) {
    const view = {
      id: randomUUID(), operation: body.operation, key, provider: 'djamo',
      status: 'pending', stage: 'accepted', version: 1, created_at: stamp(),
    };
    const t = { view, entries: [], subscribers: new Set() };
    byKey.set(key, t);
    byID.set(t.view.id, t);
    learn(t, 'accepted');
    later(2, () => play(t, body.payload.simulate));
    return t;
  }

  function learn(t, kind, outcome, took) {
    const at = kind === 'verdict' ? t.entries.at(-1).at : stamp();
    t.entries.push({ at, kind, ...(outcome && { outcome }), ...(took && { took_ms: took }) });
  }

  function settle(t, outcome, reason) {
    if (t.view.status !== 'pending') return;
    const verdict = { status: outcome, stage: 'settled', version: 4, settled_at: stamp() };
    Object.assign(t.view, verdict, outcome === 'failed' && { reason });
    learn(t, 'verdict', outcome);
    for (const tell of t.subscribers) tell();
    t.subscribers.clear();
    for (const tell of all) tell(t);
  }

  function play(t, s) {
    const outcome = s.status === 'declined' ? 'failed' : 'succeeded';
    const hear = (kind, took) => { learn(t, kind, outcome, took); settle(t, outcome, 'declined by the partner'); };
    Object.assign(t.view, { stage: 'sending', version: 2 });
    learn(t, 'sending');
    if (s.webhook === 'once') later(real(s.webhook_after ?? '15s'), () => hear('webhook'));
    if (s.reply === 'ok') return later(real(s.reply_after), () => hear('reply', real(s.reply_after)));

    const silence = real(s.reply === 'timeout' ? '30s' : '5s');
    later(silence, () => { t.view.stage = 'waiting'; learn(t, 'reply', 'unknown', silence); });
    const known = s.settles === false ? Infinity : real(s.settles_after ?? '10s');
    for (const after of ['60s', '360s'].map(real)) later(after, () => check(t, after, known, hear));
  }

  function check(t, after, known, hear) {
    if (t.view.status !== 'pending') return;
    if (known <= after) return hear('check', 12);
    learn(t, 'check', 'not_found', 11);
    if (after >= real('150s')) settle(t, 'failed', 'the partner never received it');
  }

  async function serve(request, response) {
    const { pathname } = new URL(request.url, 'http://gateway');
    const [, , , id, part] = pathname.split('/');
    if (request.method === 'POST' && pathname === '/v1/transactions') return submit(request, response);
    if (!pathname.startsWith('/v1/')) return file(pathname, response);
    if (pathname === '/v1/events') return everything(response);
    const t = byID.get(id);
    if (!t) return answer(response, 404, { title: 'No such transaction', status: 404 });
    if (part === 'ack') return answer(response, 200, { transaction: id });
    if (part === 'timeline') return answer(response, 200, { transaction: t.view, entries: t.entries });
    if (part === 'events') return events(t, response);
    return answer(response, 200, t.view);
  }

  async function submit(request, response) {
    let text = '';
    for await (const piece of request) text += piece;
    const key = JSON.parse(request.headers['idempotency-key']);
    posts.push({ key, text });
    if (fault('busy')) return answer(response, 503, { title: 'Busy' }, { 'Retry-After': '1' });
    const known = byKey.get(key);
    const t = known ?? accept(key, JSON.parse(text));
    if (fault('cut')) return response.writeHead(202, { 'Content-Type': 'application/json' }).write('{', () => response.destroy());
    answer(response, t.view.status === 'pending' ? 202 : 200, t.view, known ? { 'Idempotent-Replayed': 'true' } : {});
  }

  function events(t, response) {
    if (fault('nostream')) return answer(response, 503, { title: 'Busy' });
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const tell = () => response.write(`event: transaction\nid: ${t.view.version}\ndata: ${JSON.stringify(t.view)}\n\n`);
    tell();
    if (t.view.status !== 'pending') return response.end();
    const last = () => { tell(); response.end(); };
    t.subscribers.add(last);
    response.on('close', () => t.subscribers.delete(last));
  }

  function everything(response) {
    if (fault('nostream')) return answer(response, 503, { title: 'Busy' });
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write('id: 1\n\n');
    const tell = (t) => response.write(`event: transaction\nid: ${t.view.version}\ndata: ${JSON.stringify(t.view)}\n\n`);
    all.add(tell);
    response.on('close', () => all.delete(tell));
  }

  function upgrade(request, socket) {
    const accepted = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write([
      'HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${accepted}`, 'Sec-WebSocket-Protocol: verdict.v1', '', '',
    ].join('\r\n'));
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.on('data', (frame) => {
      if ((frame[0] & 15) === 8) return socket.end();
      const message = JSON.parse(unmask(frame));
      if (message.type === 'ping') return write(socket, { type: 'pong' });
      const t = byID.get(message.transaction);
      if (!t) return write(socket, { type: 'error', code: 'not_found', message: 'no such transaction' });
      write(socket, { type: 'subscribed', transaction: message.transaction });
      const tell = () => write(socket, { type: 'event', id: t.view.version, transaction: t.view });
      tell();
      if (t.view.status === 'pending') t.subscribers.add(tell);
    });
  }

  const sends = () => [...byID.values()].map((t) => t.entries.filter((e) => e.kind === 'sending').length);
  const stop = () => {
    timers.forEach(clearTimeout);
    sockets.forEach((s) => s.destroy());
  };
  const forget = () => { byKey.clear(); byID.clear(); };
  return { serve, upgrade, posts, sends, forget, stop };
}

async function file(pathname, response) {
  const [, folder = '', name] = /^\/(client\/)?([a-z]+\.[a-z]+)$/.exec(pathname === '/' ? '/index.html' : pathname) ?? [];
  if (!name) return answer(response, 404, {});
  try {
    const content = await readFile(new URL(name, folders[folder]));
    response.writeHead(200, {
      'Content-Type': types[extname(name)], 'Content-Security-Policy': "default-src 'self'", 'X-Content-Type-Options': 'nosniff',
    });
    response.end(content);
  } catch {
    answer(response, 404, { title: 'No such page' });
  }
}

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', ...headers });
  response.end(JSON.stringify(body));
}

// unmask reads a short text frame (RFC 6455 section 5.2), which is all the page sends.
function unmask(frame) {
  const length = frame[1] & 127, start = length === 126 ? 4 : 2;
  const size = length === 126 ? frame.readUInt16BE(2) : length;
  const mask = frame.subarray(start, start + 4);
  return Buffer.from(frame.subarray(start + 4, start + 4 + size).map((byte, i) => byte ^ mask[i % 4])).toString();
}

function write(socket, message) {
  const text = Buffer.from(JSON.stringify(message));
  const head = text.length < 126 ? Buffer.from([0x81, text.length]) : Buffer.from([0x81, 126, text.length >> 8, text.length & 255]);
  socket.write(Buffer.concat([head, text]));
}

// stamp is the time with microseconds, as the gateway writes it.
function stamp() {
  const at = performance.timeOrigin + performance.now();
  return new Date(at).toISOString().replace('Z', `${String(Math.floor((at % 1) * 1000)).padStart(3, '0')}Z`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await startFake({ port: Number(process.argv[2] ?? 0) })).url);
