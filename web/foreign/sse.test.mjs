// What docs/push.md says of server-sent events, with EventSources that others wrote.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { chromiumEventSource, closeChromium } from './chromium.mjs';
import { eventsource } from './npm.mjs';
import { arrange, long, order, User } from './world.mjs';

after(closeChromium);

// transaction takes the next happening, which must be the event of a transaction.
async function transaction(stream, id, status) {
  const heard = await stream.next();
  assert.equal(heard.event, 'transaction', JSON.stringify(heard));
  const view = JSON.parse(heard.data);
  assert.deepEqual([view.id, view.status], [id, status]);
  return heard;
}

// back skips all the times that a stream was lost, at least one, until it is open again.
async function back(stream) {
  assert.deepEqual(await stream.next(), { lost: true });
  let heard;
  do heard = await stream.next(); while (heard.lost);
  assert.deepEqual(heard, { opened: true });
}

async function opened(stream) {
  assert.deepEqual(await stream.next(), { opened: true });
  return stream;
}

// over takes the end of a stream that gives up when it comes back.
async function over(stream, status) {
  assert.deepEqual(await stream.next(), { lost: true });
  assert.deepEqual(await stream.next(), { closed: status });
}

const eventsOf = (id) => `/v1/transactions/${id}/events`;

describe('server-sent events', { concurrency: true }, () => {
  for (const client of [eventsource, chromiumEventSource]) {
    describe(client.name, { concurrency: true }, () => {
      test('the state, the verdict, the end; it comes back once and stops', long, async (t) => {
        const { user, open } = await arrange(t, client);
        const hold = randomUUID(), { id } = await user.submit({ hold });
        const stream = await opened(await open(eventsOf(id)));
        const state = await transaction(stream, id, 'pending');
        await order(`release/${hold}`);
        const verdict = await transaction(stream, id, 'succeeded');
        assert.ok(Number(verdict.id) > Number(state.id), `${state.id}, then ${verdict.id}`);
        assert.equal(verdict.data, await user.verdict(id));
        await over(stream, 204);
      });

      test('a verdict that came while the connection was cut', long, async (t) => {
        const { user, way, open } = await arrange(t, client);
        const hold = randomUUID(), { id } = await user.submit({ hold });
        const stream = await opened(await open(eventsOf(id)));
        await transaction(stream, id, 'pending');
        way.cut();
        await order(`release/${hold}`);
        await user.verdict(id);
        way.mend();
        await back(stream);
        await transaction(stream, id, 'succeeded');
        await over(stream, 204);
      });

      test('of all verdicts, those that came while the connection was cut, once each and in order', long, async (t) => {
        const { user, way, open } = await arrange(t, client);
        const stream = await opened(await open('/v1/events'));
        await way.carried(/\nid: \d+\n/);
        const numbers = [], next = async ({ id }) => numbers.push(Number((await transaction(stream, id, 'succeeded')).id));
        await next(await user.submit());
        way.cut();
        const missed = [await user.submit(), await user.submit()];
        way.mend();
        await back(stream);
        for (const one of missed) await next(one);
        await next(await user.submit()); // and nothing before it
        assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
      });

      // eventsource of npm heeds an id only where there is data
      test('a stream that is cut before its first event goes on where it began', long, async (t) => {
        const { user, way, open } = await arrange(t, client);
        const stream = await opened(await open('/v1/events'));
        await way.carried(/\nid: \d+\n/);
        way.end();
        const { id } = await user.submit();
        way.mend();
        await back(stream);
        await user.submit();
        await transaction(stream, id, 'succeeded');
      });

      test('what was not confirmed comes again', long, async (t) => {
        const { user, way, open } = await arrange(t, client);
        const shown = await user.submit(), unseen = await user.submit();
        const stream = await opened(await open('/v1/events?unconfirmed=true'));
        const { id } = await transaction(stream, shown.id, 'succeeded');
        await transaction(stream, unseen.id, 'succeeded');
        const ack = () => user.ask('POST', `/v1/transactions/${shown.id}/ack`, { body: { id: Number(id) } });
        const first = await ack(), second = await ack();
        assert.deepEqual([first.status, first.json.id], [200, Number(id)]);
        assert.equal(first.text, second.text);
        way.cut();
        way.mend();
        await back(stream);
        await transaction(stream, unseen.id, 'succeeded');
        await transaction(stream, (await user.submit()).id, 'succeeded');
      });

      test('a ticket opens one stream', long, async (t) => {
        const { user, open } = await arrange(t, client);
        const { id } = await user.submit(), { ticket } = await user.ticket();
        const url = `${eventsOf(id)}?ticket=${ticket}`, token = null;
        const stream = await opened(await open(url, { token }));
        assert.deepEqual(await (await open(url, { token })).next(), { closed: 401 });
        await transaction(stream, id, 'succeeded');
        await over(stream, 401); // it repeats the spent ticket
      });

      test('one stream too many is told to come back until there is room', long, async (t) => {
        const { user, open } = await arrange(t, client);
        const { id } = await user.submit({ hold: randomUUID() });
        const streams = [await opened(await open(eventsOf(id))), await opened(await open(eventsOf(id)))];
        const third = await opened(await open(eventsOf(id)));
        await back(third); // in vain
        await streams[0].close();
        let heard;
        do heard = await third.next(); while (!heard.event);
        assert.equal(JSON.parse(heard.data).id, id);
      });

      test('credentials that expire end the stream, and are refused when it comes back', long, async (t) => {
        const { user, open } = await arrange(t, client);
        let token;
        const stream = await opened(await open('/v1/events', { token: () => token = user.token(15) }));
        const { exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
        const { event, data } = await stream.next();
        assert.equal(event, 'reauth');
        assert.equal(Date.parse(JSON.parse(data).expires_at), exp * 1000);
        await over(stream, 401);
      });

      test("another user's transaction is refused as one that doesn't exist", long, async (t) => {
        const { open } = await arrange(t, client);
        for (const id of [(await new User().submit()).id, randomUUID()]) {
          assert.deepEqual(await (await open(eventsOf(id))).next(), { closed: 404 });
        }
      });
    });
  }
});
