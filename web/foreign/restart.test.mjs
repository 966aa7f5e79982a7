// A gateway that is stopped, or killed, and started again, with the clients of all the others.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { chromiumEventSource, chromiumWebSocket, closeChromium } from './chromium.mjs';
import { curl } from './curl.mjs';
import { eventsource, ws } from './npm.mjs';
import { python, stopPython } from './python.mjs';
import { arrange, long, mortal, order, User } from './world.mjs';

after(closeChromium);
after(stopPython);

// Stream is an EventSource, which comes back by itself.
class Stream {
  constructor(source) { this.source = source; }

  async begin() { assert.deepEqual(await this.source.next(), { opened: true }); }

  async verdict() {
    let heard;
    do heard = await this.source.next(); while (heard.lost || heard.opened);
    assert.equal(heard.event, 'transaction', JSON.stringify(heard));
    return [Number(heard.id), JSON.parse(heard.data).id];
  }

  async sentAway() { assert.deepEqual(await this.source.next(), { lost: true }); }
  async cutOff() { await this.sentAway(); }
  async comeBack() {}
}

// Socket is a WebSocket, which is opened anew.
class Socket {
  constructor(socket, open) { Object.assign(this, { socket, open }); }

  async ask(message) {
    await this.socket.send(JSON.stringify(message));
    assert.equal(JSON.parse((await this.socket.next()).text).type, 'subscribed');
  }

  begin() { return this.ask({ type: 'subscribe' }); }

  async verdict() {
    const { type, id, transaction } = JSON.parse((await this.socket.next()).text);
    assert.equal(type, 'event');
    this.last = id;
    return [id, transaction.id];
  }

  async sentAway() {
    const { type, after_ms: pause } = JSON.parse((await this.socket.next()).text);
    assert.equal(type, 'retry');
    assert.ok(pause > 0);
    const { closed, reason } = await this.socket.next();
    assert.equal(closed, 1012);
    assert.match(reason, new RegExp(`resume after ${this.last}$`));
  }

  async cutOff() { assert.equal((await this.socket.next()).closed, 1006); }

  async comeBack() {
    this.socket = await this.open();
    await this.ask({ type: 'resume', after: this.last });
  }
}

test('whoever is connected misses nothing', long, async (t) => {
  const arrivals = [eventsource, chromiumEventSource, ws, chromiumWebSocket, python].map(async (client) => {
    const { user, way, open } = await arrange(t, client, mortal);
    const isStream = client === eventsource || client === chromiumEventSource;
    const connect = () => open(isStream ? '/v1/events' : '/v1/ws');
    const app = isStream ? new Stream(await connect()) : new Socket(await connect(), connect);
    await app.begin();
    return { name: client.name, app, user, way, told: [] };
  });
  const all = await Promise.all(arrivals);
  const each = (what, act) => t.test(what, long, (t) => Promise.all(all.map((one) => t.test(one.name, () => act(one)))));

  // settle has a transaction settled, of which the app must be told next, with a number of its own.
  const settle = async ({ user }) => (await user.submit()).id;
  const hear = async ({ app, told }, id) => {
    const [number, transaction] = await app.verdict();
    assert.equal(transaction, id);
    assert.ok(number > (told.at(-1) ?? 0), `${number} after ${told}`);
    told.push(number);
  };
  const missOne = async (one) => {
    const id = await settle(one);
    one.way.mend();
    await one.app.comeBack();
    await hear(one, id);
    await hear(one, await settle(one));
  };

  const watcher = new User(mortal), watching = curl(`${mortal}/v1/events`, watcher, '-N');

  await each('is told a verdict', async (one) => hear(one, await settle(one)));
  const stopped = order('gateway/terminate');
  await each('is told to come back when it stops', ({ app }) => app.sentAway());
  for (const { way } of all) way.cut();
  await stopped;
  await t.test('curl hears the stream out', async () => assert.match((await watching).body, /^retry: \d+\n\n(?:.+\n)+\nretry: \d+\n\n$/));
  await order('gateway/start');
  await each('is told what it missed', missOne);
  await order('gateway/kill');
  for (const { way } of all) way.cut();
  await each('is cut off when it is killed', ({ app }) => app.cutOff());
  await order('gateway/start');
  await each('is told what it missed after that, too', missOne);
});
