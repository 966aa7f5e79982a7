import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Transaction } from '../dist/transaction.js';

const owner = { changed() {}, told() {} };
const view = (status, version) => ({ id: '1', status, version });

test('a verdict stands, whatever comes after it', () => {
  const tx = new Transaction(owner, { id: '1' });
  const seen = [];
  tx.on('change', ({ status }) => seen.push(status));
  for (const [status, version] of [['pending', 2], ['pending', 1], ['succeeded', 3], ['pending', 4], ['failed', 5]]) tx.take(view(status, version));
  tx.refuse(new Error('too late'));
  assert.deepEqual(seen, ['pending', 'succeeded']);
  assert.equal(tx.transaction.version, 3);
});

test('a listener that throws does not keep the others from hearing, and is reported as uncaught', () => {
  const tx = new Transaction(owner, { id: '1' });
  const later = mock.method(globalThis, 'queueMicrotask', () => {});
  const seen = [];
  tx.on('change', () => { throw new Error('of the app'); });
  tx.on('change', () => seen.push('heard'));
  tx.take(view('succeeded', 2));
  assert.deepEqual(seen, ['heard']);
  assert.throws(later.mock.calls[0].arguments[0], /of the app/);
  later.mock.restore();
});

test('only the latest sendings are remembered', () => {
  const tx = new Transaction(owner, { entry: {} });
  for (let i = 0; i < 20; i++) tx.sent(i)({ lost: true });
  assert.deepEqual(tx.sendings.map((s) => s.sentAt), [12, 13, 14, 15, 16, 17, 18, 19]);
});
