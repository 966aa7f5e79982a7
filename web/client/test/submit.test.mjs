// Submitting: one transaction, whatever happens to its requests.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Refusal, createClient, memoryStorage } from '../dist/index.js';
import { startFake } from '../testing/fake.mjs';

const order = { operation: 'transfer', provider: 'djamo', payload: { amount: '2500' } };

// meet runs use with a fake gateway and a client of it, and ends both.
async function meet(use, { tokens, ...options } = {}) {
  const fake = await startFake({ tokens });
  const client = createClient({ url: fake.url, storage: memoryStorage(), transport: 'sse', ...options });
  try {
    await use(fake, client);
  } finally {
    client.close();
    await fake.close();
  }
}

const becomes = (tx, status) => new Promise((resolve) => {
  const look = () => { if (tx.status === status) resolve(tx); };
  tx.on('change', look);
  look();
});

test('a transaction is sent once and shown as pending', () => meet(async (fake, client) => {
  const tx = client.submit(order);
  assert.equal(tx.status, 'sending');
  assert.match(tx.key, /^[0-9a-f-]{36}$/);
  await becomes(tx, 'pending');
  assert.equal(fake.posts.length, 1);
  assert.equal(fake.posts[0].body, JSON.stringify(order));
  assert.equal(tx.id, fake.byKey.get(tx.key).view.id);
  const [sending] = tx.sendings;
  assert.equal(sending.status, 202);
  assert.equal(sending.replayed, false);
  assert.ok(sending.answeredAt >= sending.sentAt && sending.sentAt > Date.now() - 60_000);
}));

const faults = {
  'is dropped before it is stored': 'drop',
  'is stored, and its answer lost': 'lose',
  'is stored, and its answer cut in half': 'half',
  'is answered by a network that wants a login': 'login',
  'is answered 503': { status: 503, problem: { retry_safe: true } },
  'is answered 502 by a proxy': { status: 502 },
  'is answered 429 by a proxy': { status: 429 },
  'is answered 409, to be repeated': { status: 409, problem: { retry_safe: true } },
};
for (const [what, fault] of Object.entries(faults)) {
  test(`a request that ${what} is sent again as it was`, () => meet(async (fake, client) => {
    fake.faults.posts.push(fault, fault);
    const tx = client.submit(order);
    await becomes(tx, 'pending');
    assert.equal(fake.posts.length, 3);
    for (const { key, body } of fake.posts) assert.deepEqual({ key, body }, { key: tx.key, body: fake.posts[0].body });
    assert.equal(fake.transactions.size, 1);
    assert.deepEqual(tx.sendings.map((s) => s.lost), [true, true, undefined]);
  }));
}

test('Retry-After is waited for', () => meet(async (fake, client) => {
  fake.faults.posts.push({ status: 503, headers: { 'Retry-After': '1' } });
  await becomes(client.submit(order), 'pending');
  const [first, second] = fake.posts;
  assert.ok(second.at - first.at >= 1000, `${second.at - first.at} ms`);
}));

const refused = { status: 422, problem: { status: 422, detail: 'Other content.', retry_safe: false, new_key_safe: true } };

test('a refusal is not repeated, and its problem is told', () => meet(async (fake, client) => {
  fake.faults.posts.push(refused);
  const tx = client.submit(order);
  await assert.rejects(tx.verdict(), (error) => error instanceof Refusal && error.message === 'Other content.');
  assert.equal(tx.status, 'refused');
  assert.equal(tx.error.newKeySafe, true);
  assert.deepEqual(tx.error.problem, refused.problem);
  assert.equal(fake.posts.length, 1);
}));

test('503 whose problem says that repeating is not safe is a refusal', () => meet(async (fake, client) => {
  fake.faults.posts.push({ status: 503, problem: { retry_safe: false } });
  assert.equal((await becomes(client.submit(order), 'refused')).error.status, 503);
}));

test('after a sending that may have arrived, a refusal never says that a new key is safe', () => meet(async (fake, client) => {
  fake.faults.posts.push('lose', refused);
  assert.equal((await becomes(client.submit(order), 'refused')).error.newKeySafe, false);
}));

test('key and body are stored before the first try', async () => {
  const { promise: stored, resolve: store } = deferred();
  const storage = memoryStorage();
  const slow = { ...storage, set: async (name, value) => { await stored; storage.set(name, value); } };
  await meet(async (fake, client) => {
    const tx = client.submit(order);
    await new Promise((resolve) => setTimeout(resolve, 50)); // in which it must not be sent
    assert.equal(fake.posts.length, 0);
    store();
    await becomes(tx, 'pending');
    const [name] = storage.keys();
    const { key, body } = JSON.parse(storage.get(name));
    assert.deepEqual([key, body], [tx.key, fake.posts[0].body]);
  }, { storage: slow });
});

test('what can\'t be stored is not sent', () => meet(async (fake, client) => {
  const tx = await becomes(client.submit(order), 'refused');
  assert.equal(tx.error.newKeySafe, true);
  assert.equal(fake.posts.length, 0);
}, { storage: { ...memoryStorage(), set() { throw new Error('full'); } } }));

test('the same key is the same transaction, and is sent once more', () => meet(async (fake, client) => {
  const first = client.submit({ ...order, key: 'order "18"' });
  assert.equal(client.submit({ ...order, key: 'order "18"' }), first);
  assert.throws(() => client.submit({ ...order, payload: {}, key: 'order "18"' }), /other content/);
  await fake.until(() => first.sendings.length === 2 && first.sendings.every((s) => s.answeredAt));
  assert.deepEqual(fake.posts.map((post) => post.key), ['order "18"', 'order "18"']);
  assert.deepEqual(first.sendings.map((s) => s.replayed).sort(), [false, true]);
  assert.equal(fake.transactions.size, 1);
}));

test('what is acknowledged meanwhile is not sent again', () => meet(async (fake, client) => {
  const random = mock.method(Math, 'random', () => 0);
  fake.faults.posts.push('lose', undefined);
  const tx = client.submit({ ...order, key: 'order-18' });
  client.submit({ ...order, key: 'order-18' });
  await becomes(tx, 'pending');
  await new Promise((resolve) => setTimeout(resolve, 100)); // in which it must not be sent
  assert.equal(fake.posts.length, 2);
  random.mock.restore();
}));

test('keys that no header can carry are refused at once', () => meet(async (_fake, client) => {
  for (const key of ['', 'é', 'a\nb', 'x'.repeat(256)]) assert.throws(() => client.submit({ ...order, key }), RangeError);
}));

test('an expired token is replaced once, and the transaction goes on', async () => {
  let fetched = 0;
  const token = async () => `token-${++fetched}`;
  await meet(async (fake, client) => {
    await becomes(client.submit(order), 'pending');
    assert.equal(fetched, 2);
    fake.tokens.clear();
    const tx = await becomes(client.submit(order), 'refused');
    assert.equal(tx.error.status, 401);
    assert.equal(fetched, 3);
  }, { token, tokens: new Set(['token-2']), transport: 'ws', WebSocket: class { close() {} } });
});

test('a token that can\'t be fetched now is fetched later', async () => {
  let failures = 2;
  const token = async () => { if (failures-- > 0) throw new Error('no network'); return 'good'; };
  await meet(async (fake, client) => {
    await becomes(client.submit(order), 'pending');
    assert.equal(fake.posts.length, 1);
  }, { token, tokens: new Set(['good']) });
});

test('after the life of its key a transaction is looked for, not sent again', () => meet(async (fake, client) => {
  fake.faults.posts.push('lose', 'lose');
  await becomes(client.submit(order), 'pending');
  assert.equal(fake.posts.length, 1);
  fake.faults.posts.splice(0, Infinity, 'drop');
  const lost = await becomes(client.submit(order), 'refused');
  assert.equal(lost.error.status, 404);
  assert.equal(lost.error.newKeySafe, false);
  assert.equal(fake.posts.length, 2);
}, { keyLife: -1 }));

function deferred() {
  let resolve;
  const promise = new Promise((r) => { resolve = r; });
  return { promise, resolve };
}
