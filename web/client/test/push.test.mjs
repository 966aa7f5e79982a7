// Verdicts: each is heard, once, over either transport and whatever becomes of the connection.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { createClient, memoryStorage } from '../dist/index.js';
import { startFake } from '../testing/fake.mjs';

const order = { operation: 'transfer', payload: { amount: '2500' } };
const brief = { timeout: 20_000 };

async function meet(use, { tokens, heartbeat, ...options } = {}) {
  const fake = await startFake({ tokens, heartbeat });
  const client = createClient({ url: fake.url, storage: memoryStorage(), WebSocket, ...options });
  try {
    await use(fake, client);
  } finally {
    client.close();
    await fake.close();
  }
}

// pendingOn submits, and resolves when the transaction is listened for.
async function pendingOn(fake, client, submission = order) {
  const tx = client.submit(submission);
  const before = fake.open.size;
  await fake.until(() => tx.id && fake.open.size >= Math.max(1, before));
  return tx;
}

for (const transport of ['sse', 'ws']) {
  describe(`over ${transport}`, () => {
    const over = (more) => ({ transport, ...more });

    test('a verdict is pushed, without asking for it', brief, () => meet(async (fake, client) => {
      const tx = await pendingOn(fake, client);
      fake.settle(tx.id);
      assert.equal((await tx.verdict()).status, 'succeeded');
      assert.equal(tx.status, 'succeeded');
      assert.deepEqual(fake.reads, []);
      assert.equal(fake.posts.length, 1);
    }, over()));

    test('a verdict that came before the stream begins is not missed', brief, () => meet(async (fake, client) => {
      const tx = client.submit(order);
      await fake.until(() => fake.posts.length && fake.byKey.get(tx.key));
      fake.settle(fake.byKey.get(tx.key).view.id, 'failed');
      assert.equal((await tx.verdict()).status, 'failed');
    }, over()));

    test('many transactions share one connection', brief, () => meet(async (fake, client) => {
      const many = await Promise.all(Array.from({ length: 120 }, () => pendingOn(fake, client)));
      await fake.until(() => fake.open.size === 1 || fake.open.size === 0);
      for (const [i, tx] of many.entries()) fake.settle(tx.id, i % 2 ? 'failed' : 'succeeded');
      const verdicts = await Promise.all(many.map((tx) => tx.verdict()));
      verdicts.forEach((view, i) => assert.equal(view.status, i % 2 ? 'failed' : 'succeeded'));
      assert.ok(fake.opened.length <= 2, fake.opened.join(' ')); // a single one's stream gives way to that of all
      await fake.until(() => fake.open.size === 0);
      assert.deepEqual(client.pending(), []);
    }, over()));

    test('a verdict that came while the connection was broken is heard after it', brief, () => meet(async (fake, client) => {
      const tx = await pendingOn(fake, client), other = await pendingOn(fake, client);
      fake.cut(1012);
      fake.settle(tx.id);
      fake.settle(other.id);
      assert.equal((await tx.verdict()).status, 'succeeded');
      assert.equal((await other.verdict()).status, 'succeeded');
    }, over()));

    test('a connection that opens only to break is opened again after ever longer pauses', brief, () => meet(async (fake, client) => {
      const tx = await pendingOn(fake, client);
      for (let i = 0; i < 3; i++) {
        fake.cut(1013);
        await fake.until(() => fake.open.size === 0);
        await fake.until(() => fake.open.size === 1);
      }
      fake.settle(tx.id);
      await tx.verdict();
    }, over()));

    test('nothing changes after the verdict, and nothing older counts', brief, () => meet(async (fake, client) => {
      const tx = await pendingOn(fake, client), other = await pendingOn(fake, client);
      await fake.until(() => fake.open.size === 1);
      const seen = [];
      tx.on('change', ({ status }) => seen.push(status));
      const t = fake.transactions.get(tx.id), pending = { ...t, view: { ...t.view } };
      fake.settle(tx.id);
      for (const link of fake.open) link.verdict(pending);
      for (const link of fake.open) link.verdict({ ...t, view: { ...t.view, status: 'failed', version: 9 } });
      fake.settle(other.id);
      await other.verdict();
      assert.deepEqual(seen, ['succeeded']);
      assert.equal(tx.transaction.status, 'succeeded');
    }, over()));

    test('verdicts of all are heard once each, those nobody has confirmed first', brief, () => meet(async (fake, client) => {
      const missed = fake.make(), confirmed = fake.make();
      fake.settle(missed.id);
      fake.settle(confirmed.id);
      fake.transactions.get(confirmed.id).confirmed = true;
      const heard = [];
      client.on('verdict', (tx) => heard.push(tx));
      await fake.until(() => heard.length === 1);
      const mine = await pendingOn(fake, client);
      const elsewhere = fake.make();
      fake.settle(elsewhere.id);
      await fake.until(() => heard.length === 2);
      fake.cut(1012);
      await fake.until(() => fake.open.size === 0);
      fake.settle(mine.id);
      await fake.until(() => heard.length === 3);
      assert.deepEqual(heard.map((tx) => tx.id), [missed.id, elsewhere.id, mine.id]);
      assert.equal(heard[2], mine);
      assert.equal((await client.watch(missed.id).verdict()).id, missed.id);
      assert.equal(heard.length, 3);
      await Promise.all(heard.map((tx) => tx.confirm()));
      assert.deepEqual(fake.acks.sort(), heard.map((tx) => tx.id).sort());
    }, over()));

    test('what was confirmed elsewhere while the connection was broken is heard, too', brief, () => meet(async (fake, client) => {
      const heard = [];
      client.on('verdict', (tx) => heard.push(tx.id));
      await fake.until(() => fake.open.size === 1);
      const first = fake.make(), second = fake.make();
      fake.settle(first.id);
      await fake.until(() => heard.length === 1);
      fake.cut(1012);
      await fake.until(() => fake.open.size === 0);
      fake.settle(second.id);
      fake.transactions.get(second.id).confirmed = true;
      await fake.until(() => heard.length === 2);
      assert.deepEqual(heard, [first.id, second.id]);
    }, over()));

    test('a transaction submitted elsewhere can be watched, and one that there isn\'t is refused', brief, () => meet(async (fake, client) => {
      const view = fake.make();
      const tx = client.watch(view.id), none = client.watch('none');
      assert.equal(client.watch(view.id), tx);
      await assert.rejects(none.verdict(), { name: 'Refusal', status: 404 });
      assert.equal(tx.status, 'pending');
      await fake.until(() => fake.open.size === 1);
      fake.settle(view.id);
      assert.equal((await tx.verdict()).id, view.id);
      assert.ok(fake.opened.length <= (transport === 'ws' ? 1 : 2), fake.opened.join(' '));
    }, over()));

    test('a verdict that overtakes its acknowledgement settles the transaction', brief, () => meet(async (fake, client) => {
      client.on('verdict', () => {});
      await fake.until(() => fake.open.size === 1);
      fake.faults.posts.push('lose', { status: 503, headers: { 'Retry-After': '3600' } });
      const tx = client.submit(order);
      const { view } = await fake.until(() => fake.byKey.get(tx.key));
      fake.settle(view.id);
      assert.equal((await tx.verdict()).id, view.id);
    }, over()));

    test('closing ends the waiting', brief, () => meet(async (fake, client) => {
      const tx = await pendingOn(fake, client);
      const verdict = tx.verdict();
      client.close();
      await assert.rejects(verdict, { name: 'Closed' });
      await fake.until(() => fake.open.size === 0);
    }, over()));

    test('an expired token is replaced when the connection is opened', brief, async () => {
      const tokens = new Set(['1']);
      let fetched = 0;
      await meet(async (fake, client) => {
        const tx = await pendingOn(fake, client);
        tokens.clear();
        tokens.add('2');
        fake.cut(4401);
        await fake.until(() => fake.open.size === 0);
        fake.settle(tx.id);
        await tx.verdict();
        assert.equal(fetched, 2);
      }, over({ token: () => String(++fetched), tokens }));
    });
  });
}

test('one transaction has a stream of its own, more share one', brief, () => meet(async (fake, client) => {
  const first = await pendingOn(fake, client);
  const second = await pendingOn(fake, client);
  await fake.until(() => fake.opened.length === 2 && fake.open.size === 1);
  assert.deepEqual(fake.opened, [`/v1/transactions/${first.id}/events`, '/v1/events']);
  fake.settle(first.id);
  fake.settle(second.id);
  await Promise.all([first.verdict(), second.verdict()]);
}, { transport: 'sse' }));

for (const fault of ['twice', 'reset']) {
  test(`an event that ${fault === 'twice' ? 'comes twice' : 'breaks off in the middle'} is heard once`, brief, () => meet(async (fake, client) => {
    fake.faults.streams.push(fault);
    const tx = await pendingOn(fake, client);
    const seen = [];
    tx.on('change', ({ status }) => seen.push(status));
    fake.settle(tx.id);
    await tx.verdict();
    assert.deepEqual(seen, ['succeeded']);
  }, { transport: 'sse' }));
}

test('a stream that sends it away is given the time it asked for', brief, () => meet(async (fake, client) => {
  fake.faults.streams.push({ retry: 700 });
  const tx = client.submit(order);
  await fake.until(() => fake.opened.length === 1);
  const sent = Date.now();
  await fake.until(() => fake.open.size === 1);
  assert.ok(Date.now() - sent >= 690, `${Date.now() - sent} ms`);
  fake.settle(tx.id);
  await tx.verdict();
}, { transport: 'sse' }));

test('a socket is told when to come back, and obeys', brief, () => meet(async (fake, client) => {
  const tx = await pendingOn(fake, client);
  fake.tell({ type: 'something-new' });
  fake.tell({ type: 'retry', after_ms: 700 });
  fake.cut(1012);
  await fake.until(() => fake.open.size === 0);
  const cut = Date.now();
  await fake.until(() => fake.open.size === 1);
  assert.ok(Date.now() - cut >= 600, `${Date.now() - cut} ms`);
  fake.settle(tx.id);
  await tx.verdict();
}, { transport: 'ws' }));

test('a socket goes on after what has certainly come', brief, () => meet(async (fake, client) => {
  client.on('verdict', () => {});
  const tx = await pendingOn(fake, client);
  await fake.until(() => fake.said.some((m) => m.transaction));
  const view = { ...fake.transactions.get(tx.id).view, status: 'succeeded', version: 2 };
  fake.tell({ type: 'event', id: 900, transaction: { ...view, id: 'another', key: 'another' } }); // of all
  fake.tell({ type: 'event', id: 1000, transaction: view }); // of this one; of all, one in between may be to come
  await tx.verdict();
  fake.cut(1012);
  await fake.until(() => fake.said.at(-1).type === 'resume');
  assert.deepEqual(fake.said.at(-1), { type: 'resume', after: 900, unconfirmed: true });
}, { transport: 'ws' }));

test('a socket whose credentials expire is given new ones in place', brief, async () => {
  let fetched = 0;
  await meet(async (fake, client) => {
    const tx = await pendingOn(fake, client);
    fake.tell({ type: 'reauth', expires_at: '' });
    await fake.until(() => fake.said.some((m) => m.type === 'auth'));
    assert.deepEqual(fake.said.at(-1), { type: 'auth', token: '2' });
    fake.settle(tx.id);
    await tx.verdict();
    assert.equal(fake.opened.length, 1);
    assert.match(fake.opened[0], /^\/v1\/ws\?ticket=vt1_/);
  }, { transport: 'ws', token: () => String(++fetched), tokens: new Set(['1', '2']) });
});

test('where no WebSocket gets through, server-sent events do', brief, () => meet(async (fake, client) => {
  fake.faults.sockets.push(...Array(20).fill('refuse'));
  const tx = client.submit(order);
  await fake.until(() => fake.open.size === 1);
  assert.match(fake.opened[0], /events$/);
  fake.settle(tx.id);
  await tx.verdict();
}));

test('where nothing gets through, the verdict is asked for', brief, () => meet(async (fake, client) => {
  fake.faults.sockets.push(...Array(50).fill('refuse'));
  fake.faults.streams.push(...Array(50).fill('refuse'));
  const tx = client.submit(order);
  await fake.until(() => fake.reads.length > 0);
  fake.settle(tx.id);
  await tx.verdict();
  assert.equal(fake.open.size, 0);
}));

test('a look-up that fails is repeated', brief, () => meet(async (fake, client) => {
  fake.faults.reads.push({ status: 503 }, { status: 500 });
  const first = await pendingOn(fake, client), second = await pendingOn(fake, client);
  await fake.until(() => fake.reads.length >= 4);
  fake.settle(first.id);
  fake.settle(second.id);
  await Promise.all([first.verdict(), second.verdict()]);
}, { transport: 'sse' }));

test('a confirmation is repeated until it is on record, and there is none before the verdict', brief, () => meet(async (fake, client) => {
  const tx = await pendingOn(fake, client);
  await assert.rejects(tx.confirm(), /no verdict/);
  fake.settle(tx.id);
  await tx.verdict();
  await tx.confirm();
  assert.deepEqual(fake.acks, [tx.id]);
}));
