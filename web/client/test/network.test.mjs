// What a browser tells of its network, and what is made of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { startFake } from '../testing/fake.mjs';

const page = new EventTarget();
const device = { onLine: true };
Object.defineProperty(globalThis, 'navigator', { value: device, configurable: true });
globalThis.addEventListener = page.addEventListener.bind(page);
globalThis.removeEventListener = page.removeEventListener.bind(page);
const { createClient, memoryStorage } = await import('../dist/index.js');

const go = (state) => {
  device.onLine = state === 'online';
  page.dispatchEvent(new Event(state));
};
const aWhile = () => sleep(700); // in which nothing must happen
const order = { payload: {} };

for (const transport of ['sse', 'ws']) {
  test(`without a network nothing is tried over ${transport}; when it is back, the verdict comes at once`, async () => {
    const fake = await startFake();
    const client = createClient({ url: fake.url, storage: memoryStorage(), transport, WebSocket });
    try {
      const tx = client.submit(order);
      await fake.until(() => tx.id && fake.open.size === 1);
      go('offline');
      await fake.until(() => fake.open.size === 0);
      fake.settle(tx.id);
      await aWhile();
      assert.equal(fake.opened.length, 1);
      assert.equal(tx.status, 'pending');
      go('online');
      assert.ok(await Promise.race([tx.verdict(), sleep(60_000, false, { ref: false })])); // no timer runs that could have brought it
    } finally {
      client.close();
      await fake.close();
    }
  });
}

test('a submit that finds no network is sent when there is one', async () => {
  const fake = await startFake();
  const client = createClient({ url: fake.url, storage: memoryStorage(), transport: 'sse' });
  try {
    fake.faults.posts.push('drop');
    go('offline');
    const tx = client.submit(order);
    await fake.until(() => tx.sendings[0]?.lost);
    await aWhile();
    assert.equal(fake.posts.length, 1);
    go('online');
    await fake.until(() => tx.id);
    assert.equal(fake.posts.length, 2);
  } finally {
    client.close();
    await fake.close();
  }
});
