// The gateways that the Go test started, their users, and the network between them.

import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';

const env = process.env;
export const gateway = env.FOREIGN_GATEWAY, mortal = env.FOREIGN_MORTAL;
export const friend = env.FOREIGN_FRIEND, stranger = env.FOREIGN_STRANGER; // addresses of pages: one is in "origins"
export const certificate = { key: env.FOREIGN_CERTIFICATE, cert: env.FOREIGN_CERTIFICATE };
export const patience = 20_000; // ms that anything may take on a busy machine
export const long = { timeout: 120_000 };

// order has the Go test do something: release/NAME, or gateway/terminate, gateway/kill, gateway/start of the mortal one.
export async function order(what) {
  const answer = await fetch(`${env.FOREIGN_CONTROL}/${what}`, { method: 'POST' });
  assert.equal(answer.status, 200, what);
}

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// within fails when a promise takes longer than patience.
export async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what()} after ${patience} ms`)), patience); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// User is one whom nobody else is, at a gateway.
export class User {
  constructor(at = gateway) {
    this.at = at;
    this.name = randomUUID();
  }

  // token is a JWT that ends with a whole second, life seconds from now at the latest.
  token(life = 3600) {
    const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const exp = Math.floor(Date.now() / 1000) + life;
    const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ iss: 'https://id.shop.example', aud: 'verdict', sub: this.name, exp })}`;
    return `${text}.${createHmac('sha256', env.FOREIGN_SECRET).update(text).digest('base64url')}`;
  }

  // ask makes a request and returns its answer with the body read.
  async ask(method, path, { body, headers, token = this.token() } = {}) {
    const answer = await fetch(this.at + path, {
      method, body: body && JSON.stringify(body), headers: { Authorization: `Bearer ${token}`, ...headers },
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
  }

  // submit returns a transaction: with its verdict, or pending until the name in hold is released.
  async submit({ hold } = {}) {
    const headers = { 'Idempotency-Key': randomUUID(), ...!hold && { Prefer: 'wait=20' } };
    const { json } = await this.ask('POST', '/v1/transactions', { headers, body: { payload: payload(hold) } });
    assert.equal(json.status, hold ? 'pending' : 'succeeded', JSON.stringify(json));
    return json;
  }

  // verdict waits for a transaction's.
  async verdict(id) {
    for (const began = Date.now(); ; await pause(20)) {
      const { json, text } = await this.ask('GET', `/v1/transactions/${id}`);
      if (json.status !== 'pending') return text.trim();
      assert.ok(Date.now() - began < patience, text);
    }
  }

  async ticket(life) {
    const { status, json } = await this.ask('POST', '/v1/tickets', { token: this.token(life) });
    assert.equal(status, 201);
    return json;
  }
}

// payload is one that the partner carries out at once, or when the name in hold is released.
export const payload = (hold) => ({ simulate: { status: 'completed', reply: 'ok', reply_after: '0s', webhook: 'none' }, ...hold && { hold } });

// Inbox keeps what a connection heard until the test asks for it.
export class Inbox {
  #heard = [];
  #wake = () => {};
  #past = []; // for the message of a failure

  put(one) {
    this.#heard.push(one);
    this.#wake();
  }

  async next() {
    const arrival = async () => { while (this.#heard.length === 0) await new Promise((resolve) => { this.#wake = resolve; }); };
    await within(arrival(), () => `heard no more than ${JSON.stringify(this.#past)}`);
    this.#past.push(this.#heard[0]);
    return this.#heard.shift();
  }
}

// Way is a way to a gateway, with TLS or without, that can be cut.
export class Way {
  #server;
  #secure;
  #sockets = new Set();
  #passable = true;
  #answers = ''; // all that was carried from the gateway
  #carried = () => {};

  static async to(target, { secure = false, host = '127.0.0.1' } = {}) {
    const way = new Way();
    way.#secure = secure;
    const { hostname, port } = new URL(target);
    way.#server = secure ? tls.createServer(certificate) : net.createServer();
    way.#server.on(secure ? 'secureConnection' : 'connection', (socket) => way.#carry(socket, net.connect(port, hostname)));
    way.#server.on('connection', (socket) => way.#keep(socket));
    await new Promise((resolve) => { way.#server.listen(0, host, resolve); });
    way.url = `${secure ? 'https' : 'http'}://${host}:${way.#server.address().port}`;
    return way;
  }

  #keep(socket) {
    socket.on('error', () => {}); // whoever is at the other end is told by the close
    if (!this.#passable) return this.#reset(socket);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  // Node never exits once it has reset a socket that was ended, as the one below TLS may be.
  #reset(socket) {
    if (this.#secure || socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
  }

  #carry(from, to) {
    from.on('error', () => {});
    this.#keep(to);
    from.pipe(to).pipe(from);
    to.on('data', (bytes) => {
      this.#answers += bytes;
      this.#carried();
    });
    from.on('close', () => to.destroy());
    to.on('close', () => from.end()); // after what it has told
  }

  // cut cuts all connections, with a reset where there is no TLS, and those that come until mend.
  cut() {
    this.#passable = false;
    for (const socket of this.#sockets) this.#reset(socket);
  }

  // carried waits until the gateway has said something.
  async carried(words) {
    const arrival = async () => { while (!words.test(this.#answers)) await new Promise((resolve) => { this.#carried = resolve; }); };
    await within(arrival(), () => `not carried: ${words}, but ${this.#answers.slice(0, 300)}`);
  }

  // end ends all connections after what was carried, and refuses those that come until mend.
  end() {
    this.#passable = false;
    for (const socket of this.#sockets) socket.end();
  }

  mend() { this.#passable = true; }

  close() {
    this.cut();
    this.#server.close();
  }
}

let hosts = 2;

// arrange gives a test a user, a way of its own, and a client's connections over it; all end with the test.
export async function arrange(t, client, at = gateway) {
  const user = new User(at), way = await Way.to(at, { secure: client.secure, host: `127.0.0.${hosts++}` });
  t.after(() => way.close());
  const open = async (path, { token = () => user.token() } = {}) => {
    const connection = await client.open(way.url + path, { token });
    t.after(() => connection.close());
    return connection;
  };
  return { user, way, open };
}
