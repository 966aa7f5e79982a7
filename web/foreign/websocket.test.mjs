// What docs/push.md says of the WebSocket, with clients that others wrote.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { chromiumWebSocket, closeChromium } from './chromium.mjs';
import { ws } from './npm.mjs';
import { python, stopPython } from './python.mjs';
import { arrange, long, order, pause, payload, User } from './world.mjs';

after(closeChromium);
after(stopPython);

const url = '/v1/ws';

// Talk is what is said over a socket.
class Talk {
  constructor(socket) { this.socket = socket; }

  say(message) { return this.socket.send(JSON.stringify(message)); }

  // hear takes the next message, which must be of a type, with these members.
  async hear(type, members = {}) {
    const { text } = this.heard = await this.socket.next();
    assert.ok(text, `${JSON.stringify(this.heard)} instead of ${type}`);
    const message = JSON.parse(text);
    assert.deepEqual({ ...message, type, ...members }, message, text);
    return message;
  }

  async asks(message, type, members) {
    await this.say(message);
    return this.hear(type, members);
  }

  // verdict takes the next message, which must be the event of a transaction.
  async event(id, status) {
    const message = await this.hear('event');
    assert.deepEqual([message.transaction.id, message.transaction.status], [id, status]);
    return message;
  }

  async closed(code) {
    const heard = await this.socket.next();
    assert.equal(heard.closed, code, JSON.stringify(heard));
    return heard.reason;
  }
}

const refused = (opening, status) => assert.rejects(opening, (error) => {
  assert.equal(error.status, status, error.message);
  return true;
});

describe('the WebSocket', { concurrency: true }, () => {
  for (const client of [ws, chromiumWebSocket, python]) {
    const start = async (t) => {
      const { user, way, open } = await arrange(t, client);
      return { user, way, open, connect: async (options) => new Talk(await open(url, options)) };
    };

    describe(client.name, { concurrency: true }, () => {
      test('submit, the state, the verdict', long, async (t) => {
        const { user, connect } = await start(t);
        const talk = await connect(), hold = randomUUID();
        assert.equal(talk.socket.protocol, 'verdict.v1');
        const submit = { type: 'submit', key: randomUUID(), payload: payload(hold) };
        const { transaction } = await talk.asks({ ...submit, ref: 'one' }, 'submitted', { ref: 'one', replayed: false });
        const state = await talk.event(transaction.id, 'pending');
        await order(`release/${hold}`);
        const verdict = await talk.event(transaction.id, 'succeeded');
        assert.ok(verdict.id > state.id);
        assert.equal(talk.heard.text, `{"type":"event","id":${verdict.id},"transaction":${await user.verdict(transaction.id)}}`);
        await talk.asks({ ...submit, ref: 'two' }, 'submitted', { ref: 'two', replayed: true, transaction: verdict.transaction });
        assert.deepEqual(await talk.hear('event'), verdict);
        await talk.asks({ type: 'ping', ref: 'é' }, 'pong', { ref: 'é' });
      });

      test('a verdict that came while the connection was cut', long, async (t) => {
        const { user, way, connect } = await start(t);
        const hold = randomUUID(), { id } = await user.submit({ hold });
        const subscribe = { type: 'subscribe', transaction: id };
        let talk = await connect();
        await talk.asks(subscribe, 'subscribed', { transaction: id });
        await talk.event(id, 'pending');
        way.cut();
        await talk.closed(1006);
        await order(`release/${hold}`);
        await user.verdict(id);
        way.mend();
        talk = await connect();
        await talk.asks(subscribe, 'subscribed', { transaction: id });
        await talk.event(id, 'succeeded');
      });

      test('of all verdicts, those that came while the connection was cut, once each and in order', long, async (t) => {
        const { user, way, connect } = await start(t);
        let talk = await connect();
        const numbers = [], next = async ({ id }) => numbers.push((await talk.event(id, 'succeeded')).id);
        const { after } = await talk.asks({ type: 'subscribe' }, 'subscribed');
        await next(await user.submit());
        way.cut();
        await talk.closed(1006);
        const missed = [await user.submit(), await user.submit()];
        way.mend();
        talk = await connect();
        await talk.asks({ type: 'resume', after: numbers[0] }, 'subscribed', { after: numbers[0] });
        for (const one of missed) await next(one);
        await next(await user.submit()); // and nothing before it
        assert.deepEqual([after, ...numbers], [...new Set([after, ...numbers])].sort((a, b) => a - b));
      });

      test('what was not confirmed comes again', long, async (t) => {
        const { user, way, connect } = await start(t);
        const shown = await user.submit(), unseen = await user.submit(), pending = await user.submit({ hold: randomUUID() });
        let talk = await connect();
        await talk.asks({ type: 'subscribe', unconfirmed: true }, 'subscribed');
        const { id } = await talk.event(shown.id, 'succeeded');
        await talk.event(unseen.id, 'succeeded');
        const ack = { type: 'ack', transaction: shown.id, id };
        const { at } = await talk.asks(ack, 'acknowledged', { transaction: shown.id, id });
        await talk.asks({ ...ack, ref: 'again' }, 'acknowledged', { ref: 'again', at });
        await talk.asks({ ...ack, id: id - 1 }, 'error', { code: 'not_settled' });
        await talk.asks({ type: 'ack', transaction: pending.id }, 'error', { code: 'not_settled' });
        way.cut();
        await talk.closed(1006);
        way.mend();
        talk = await connect();
        await talk.asks({ type: 'subscribe', unconfirmed: true }, 'subscribed');
        await talk.event(unseen.id, 'succeeded');
        await talk.event((await user.submit()).id, 'succeeded');
      });

      test('a ticket opens one socket', long, async (t) => {
        const { user, open } = await start(t);
        const { ticket } = await user.ticket(), path = `${url}?ticket=${ticket}`;
        const talk = new Talk(await open(path, { token: null }));
        await refused(open(path, { token: null }), 401);
        const { id } = await user.submit();
        await talk.asks({ type: 'subscribe', transaction: id }, 'subscribed');
        await talk.event(id, 'succeeded');
      });

      test('one socket too many is refused until there is room', long, async (t) => {
        const { connect } = await start(t);
        const talks = [await connect(), await connect()];
        await assert.rejects(connect(), (error) => {
          assert.equal(error.status, 429, error.message);
          if (client !== chromiumWebSocket) assert.match(error.retryAfter, /^[123]$/); // a page isn't shown it
          return true;
        });
        await talks[0].socket.close();
        for (let third; !third;) {
          third = await connect().catch((error) => assert.equal(error.status, 429, error.message)); // until it is noticed
        }
      });

      const ping = (size) => `{"type":"ping","ref":"${'x'.repeat(size - 24)}"}`;

      test('a message may have 20 KiB', long, async (t) => {
        const { connect } = await start(t);
        const talk = await connect();
        await talk.socket.send(ping(20 << 10));
        await talk.hear('error', { code: 'bad_message' }); // the ref is too long, but it was read
      });

      // the instance closes the connection with bytes unread, so that a reset may overtake the close
      for (const size of [(20 << 10) + 1, 1 << 20]) {
        test(`a message of ${size} bytes is too large`, long, async (t) => {
          const { connect } = await start(t);
          const talk = await connect();
          await talk.socket.send(ping(size));
          await talk.closed(1009);
        });
      }

      test('a socket may have 100 subscriptions', long, async (t) => {
        const { user, connect } = await start(t);
        const talk = await connect();
        const pending = { simulate: { reply: 'timeout', reply_after: '0s', settles: false } };
        const ids = [];
        for (let n = 0; n < 100; n++) {
          const { transaction } = await talk.asks({ type: 'submit', key: randomUUID(), payload: pending }, 'submitted');
          await talk.event(transaction.id, 'pending');
          ids.push(transaction.id);
        }
        const { id } = await user.submit(), subscribe = { type: 'subscribe', transaction: id };
        await talk.asks(subscribe, 'error', { code: 'too_many_subscriptions' });
        await talk.asks({ type: 'subscribe' }, 'error', { code: 'too_many_subscriptions' });
        await talk.asks({ type: 'unsubscribe', transaction: ids[0] }, 'unsubscribed', { transaction: ids[0] });
        await talk.asks(subscribe, 'subscribed');
        await talk.event(id, 'succeeded');
      });

      test('credentials are renewed in place', long, async (t) => {
        const { user, connect } = await start(t);
        const talk = await connect({ token: () => user.token(15) });
        const { expires_at: end } = await talk.hear('reauth');
        await talk.asks({ type: 'auth', token: new User().token() }, 'error', { code: 'unauthenticated' });
        const { expires_at: later } = await talk.asks({ type: 'auth', token: user.token(60) }, 'authenticated');
        assert.ok(Date.parse(later) > Date.parse(end));
        await pause(Date.parse(end) - Date.now() + 500);
        await talk.asks({ type: 'ping' }, 'pong');
      });

      test('credentials that expire end the connection', long, async (t) => {
        const { user, connect } = await start(t);
        const talk = await connect({ token: () => user.token(15) });
        const { expires_at: end } = await talk.hear('reauth');
        assert.match(await talk.closed(4401), /expired/);
        assert.ok(Date.now() >= Date.parse(end));
      });

      test("another user's transaction is refused as one that doesn't exist", long, async (t) => {
        const { connect } = await start(t);
        const talk = await connect(), foreign = (await new User().submit()).id, unknown = randomUUID();
        for (const type of ['subscribe', 'ack']) {
          const answers = [];
          for (const transaction of [foreign, unknown]) {
            await talk.asks({ type, transaction }, 'error', { code: 'not_found' });
            answers.push(talk.heard.text.replaceAll(transaction, 'ID'));
          }
          assert.equal(answers[0], answers[1]);
        }
      });
    });
  }
});
