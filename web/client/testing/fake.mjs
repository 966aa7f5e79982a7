// A gateway that keeps the push protocol, and misbehaves when told to. Nothing settles but by settle().

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

/**
 * Starts a gateway on 127.0.0.1. Each entry of faults is taken by the next request that it fits:
 *   posts:   'drop' (nothing stored), 'lose' (stored, no answer), 'half' (stored, half an answer), 'login' (a network's
 *            own page), or an answer {status, problem, headers}
 *   streams: 'refuse', or {retry} (sent away), or 'twice', or 'reset' (in the middle of the next event)
 *   sockets: 'refuse'
 *   reads:   an answer
 * tokens, if given, is the set of those that are good.
 */
export async function startFake({ tokens, heartbeat = 15_000 } = {}) {
  const fake = {
    faults: { posts: [], streams: [], sockets: [], reads: [] },
    tokens, heartbeat,
    posts: [], reads: [], opened: [], said: [], acks: [], tickets: new Set(), // what came
    transactions: new Map(), byKey: new Map(), open: new Set(), numbers: 10,
  };
  const server = createServer((request, response) => serve(fake, request, response).catch(() => response.destroy()));
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'verdict.v1' });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url, 'http://gateway');
    if (fake.faults.sockets.shift() || (tokens && !fake.tickets.delete(url.searchParams.get('ticket')))) {
      return socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
    }
    fake.opened.push(request.url);
    sockets.handleUpgrade(request, socket, head, (ws) => talk(fake, ws));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(fake, {
    url: `http://127.0.0.1:${server.address().port}`,
    settle: (id, status = 'succeeded') => settle(fake, id, status),
    make: (key = randomUUID()) => make(fake, key, {}),
    // until resolves when check does not return undefined or false.
    async until(check) {
      for (;;) {
        const found = check();
        if (found) return found;
        await setImmediate();
      }
    },
    // cut ends every stream and socket, sockets with a code.
    cut(code) { for (const link of [...fake.open]) link.cut(code); },
    tell(message) { for (const link of fake.open) link.tell(message); },
    async close() {
      for (const ws of sockets.clients) ws.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function make(fake, key, { operation = 'transaction', provider = 'djamo' }) {
  const view = {
    id: randomUUID(), operation, key, provider, status: 'pending', stage: 'waiting', version: 1, created_at: new Date().toISOString(),
  };
  const t = { view, number: fake.numbers += 2 };
  fake.transactions.set(view.id, t);
  fake.byKey.set(key, t);
  return t.view;
}

function settle(fake, id, status) {
  const t = fake.transactions.get(id);
  t.number = fake.numbers += 2;
  t.view = { ...t.view, status, stage: 'settled', version: t.view.version + 1, settled_at: new Date().toISOString() };
  for (const link of fake.open) link.verdict(t);
}

const settled = (t) => t.view.status !== 'pending';

async function serve(fake, request, response) {
  const url = new URL(request.url, 'http://gateway');
  const [, , , id, part] = url.pathname.split('/');
  let text = '';
  for await (const piece of request) text += piece;
  const token = request.headers.authorization?.slice('Bearer '.length);
  if (fake.tokens && !fake.tokens.has(token)) {
    return answer(response, 401, { title: 'Who are you?', status: 401, retry_safe: false, new_key_safe: true });
  }
  switch (`${request.method} ${url.pathname}`) {
    case 'POST /v1/transactions': return submit(fake, request, response, text);
    case 'POST /v1/tickets': return ticket(fake, response);
    case 'GET /v1/events': return stream(fake, url, response);
    case 'GET /v1/transactions': return read(fake, url, response, fake.byKey.get(url.searchParams.get('key')));
  }
  const t = fake.transactions.get(id);
  if (part === 'ack') return ack(fake, response, t);
  if (part === 'events' && t) return stream(fake, url, response, t);
  return read(fake, url, response, t);
}

function submit(fake, request, response, body) {
  const key = JSON.parse(request.headers['idempotency-key']);
  fake.posts.push({ key, body, at: Date.now() });
  const fault = fake.faults.posts.shift();
  if (fault === 'drop') return response.destroy();
  if (fault === 'login') return answer(response, 200, 'please log in', { 'Content-Type': 'text/html' });
  if (fault?.status) return answer(response, fault.status, fault.problem, fault.headers);
  const known = fake.byKey.get(key);
  const view = known?.view ?? make(fake, key, JSON.parse(body));
  if (fault === 'lose') return response.destroy();
  if (fault === 'half') return response.writeHead(202, { 'Content-Length': 300 }).write('{"id":', () => response.destroy());
  answer(response, view.status === 'pending' ? 202 : 200, view, known && { 'Idempotent-Replayed': 'true' });
}

function read(fake, url, response, t) {
  fake.reads.push(url.pathname + url.search);
  const fault = fake.faults.reads.shift();
  if (fault) return answer(response, fault.status, fault.problem, fault.headers);
  if (!t) return answer(response, 404, { title: 'There is no such transaction', status: 404, retry_safe: true });
  answer(response, 200, t.view);
}

function ticket(fake, response) {
  const made = `vt1_${randomUUID()}`;
  fake.tickets.add(made);
  answer(response, 200, { ticket: made });
}

function ack(fake, response, t) {
  if (!t || !settled(t)) return answer(response, 409, { title: 'There is nothing to confirm', status: 409, retry_safe: false });
  t.confirmed = true;
  fake.acks.push(t.view.id);
  answer(response, 200, { transaction: t.view.id, id: t.number });
}

// missed are the verdicts that a stream of all begins with.
function missed(fake, unconfirmed, after) {
  const all = [...fake.transactions.values()].filter(settled).sort((a, b) => a.number - b.number);
  return all.filter((t) => (unconfirmed && !t.confirmed) || t.number > after);
}

function stream(fake, url, response, only) {
  fake.opened.push(url.pathname + url.search);
  const fault = fake.faults.streams.shift();
  if (fault === 'refuse') return answer(response, 503, { title: 'Too much', status: 503, retry_safe: true }, { 'Retry-After': '0' });
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  if (fault?.retry !== undefined) return response.end(`retry: ${fault.retry}\n\n`);
  const write = (t) => {
    const text = `event: transaction\nid: ${t.number}\ndata: ${JSON.stringify(t.view)}\n\n`;
    if (fault === 'reset' && settled(t)) return response.write(text.slice(0, text.length / 2), () => response.destroy());
    response.write(fault === 'twice' ? text + text : text);
    if (only && settled(t)) response.end();
  };
  const after = Number(url.searchParams.get('after') ?? fake.numbers);
  response.write('retry: 5\n\n');
  const link = {
    verdict: (t) => { if (!only || t === only) write(t); },
    tell: (text) => response.write(text),
    cut: () => { fake.open.delete(link); response.end(); },
  };
  const beat = setInterval(() => response.write(':\n\n'), fake.heartbeat);
  fake.open.add(link);
  response.on('close', () => { clearInterval(beat); fake.open.delete(link); });
  if (only) return write(only);
  response.write(`id: ${after}\n\n`);
  missed(fake, url.searchParams.has('unconfirmed'), after).forEach(write);
}

function talk(fake, ws) {
  const say = (message) => ws.send(JSON.stringify(message));
  const event = (t) => say({ type: 'event', id: t.number, transaction: t.view });
  const each = new Set();
  let all = false;
  const link = {
    verdict: (t) => {
      if (all) event(t);
      if (each.delete(t)) event(t);
    },
    tell: say,
    cut: (code) => { fake.open.delete(link); ws.close(code); },
  };
  fake.open.add(link);
  ws.on('close', () => fake.open.delete(link));
  ws.on('message', (text) => {
    const message = JSON.parse(text);
    fake.said.push(message);
    const { type, transaction, after = fake.numbers, unconfirmed = false } = message;
    if (type === 'ping') return say({ type: 'pong' });
    if (type === 'auth') return say({ type: 'authenticated' });
    if (!transaction) {
      all = true;
      say({ type: 'subscribed', after });
      return missed(fake, unconfirmed, after).forEach(event);
    }
    const t = fake.transactions.get(transaction);
    if (!t) return say({ type: 'error', code: 'not_found', message: 'no such transaction' });
    if (each.size + all >= 100) return say({ type: 'error', code: 'too_many_subscriptions', message: 'a socket may have 100' });
    say({ type: 'subscribed', transaction });
    if (!settled(t)) each.add(t);
    event(t);
  });
}

function answer(response, status, body = '', headers = {}) {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { ...(text && { 'Content-Type': type }), ...headers });
  response.end(text);
}
