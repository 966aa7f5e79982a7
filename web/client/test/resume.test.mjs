// The app is killed, and goes on in another process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, memoryStorage } from '../dist/index.js';
import { startFake } from '../testing/fake.mjs';

const script = fileURLToPath(new URL('../testing/app.mjs', import.meta.url));

// start runs the app; said are the lines it wrote.
function start(...args) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = [];
  createInterface(child.stdout).on('line', (line) => said.push(JSON.parse(line)));
  return { child, said, ended: once(child, 'close') };
}

for (const transport of ['sse', 'ws']) {
  for (const moment of ['before it is acknowledged', 'while it is pending']) {
    test(`an app that is killed ${moment} has its verdict after the next start, over ${transport}`, { timeout: 30_000 }, async () => {
      const fake = await startFake();
      const folder = await mkdtemp(join(tmpdir(), 'verdict-'));
      try {
        if (moment.startsWith('before')) fake.faults.posts.push('lose', { status: 503, headers: { 'Retry-After': '60' } });
        const first = start(fake.url, folder, transport, '{"amount":"2500"}');
        await fake.until(() => (moment.startsWith('before') ? fake.posts.length === 2 : fake.open.size === 1));
        first.child.kill('SIGKILL');
        await first.ended;
        const [{ key, body }] = fake.posts;
        fake.settle(fake.byKey.get(key).view.id);

        const second = start(fake.url, folder, transport);
        const [code] = await second.ended; // by itself: nothing is left to wait for
        assert.equal(code, 0);
        assert.deepEqual(second.said.at(-1), { key, status: 'succeeded' });
        for (const post of fake.posts) assert.deepEqual([post.key, post.body], [key, body]);
        assert.equal(fake.transactions.size, 1);
        assert.deepEqual(await readdir(folder), []);

        const third = start(fake.url, folder, transport);
        await third.ended;
        assert.deepEqual(third.said, [{ resumed: 0 }]);
      } finally {
        await fake.close();
        await rm(folder, { recursive: true });
      }
    });
  }
}

test('a verdict that nobody was told stays in the storage', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const storage = memoryStorage();
  const begin = (user) => {
    const client = createClient({ url: fake.url, storage, transport: 'sse', user });
    t.after(() => client.close());
    return client;
  };
  let client = begin('ama');
  const tx = client.submit({ payload: {} });
  await fake.until(() => tx.id);
  fake.settle(tx.id);
  await fake.until(() => tx.settled);
  client.close();

  client = begin('kofi');
  assert.deepEqual(await client.resume(), []); // of another user's
  client.close();

  client = begin('ama');
  const [again] = await client.resume();
  assert.equal((await again.verdict()).id, tx.id);
  assert.equal(again.key, tx.key);
  await fake.until(() => storage.keys().length === 0);
  client.close();
});

test('a slow storage ends up without what is settled', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const storage = memoryStorage();
  const slow = { ...storage, async set(name, value) { await sleep(50); storage.set(name, value); } };
  const client = createClient({ url: fake.url, storage: slow, transport: 'sse' });
  t.after(() => client.close());
  const tx = client.submit({ payload: {} });
  await fake.until(() => tx.id);
  fake.settle(tx.id);
  await tx.verdict();
  await sleep(200); // in which everything is written
  assert.deepEqual(storage.keys(), []);
});
