// The client against a running gateway, such as "verdict demo", at VERDICT_URL. The partner must be the simulated one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { createClient, memoryStorage } from '../dist/index.js';

const url = process.env.VERDICT_URL;
if (!url) throw new Error('set VERDICT_URL to a running "verdict demo", such as http://127.0.0.1:5000');

const long = { timeout: 60_000 };
const order = (status, reply_after) => ({
  operation: 'transfer', provider: 'djamo', payload: { simulate: { status, reply: 'ok', reply_after, webhook: 'none' } },
});
const app = fileURLToPath(new URL('../testing/app.mjs', import.meta.url));

async function connect(options, use) {
  const client = createClient({ url, storage: memoryStorage(), WebSocket, ...options });
  try {
    await use(client);
  } finally {
    client.close();
  }
}

for (const transport of ['sse', 'ws']) {
  describe(`the gateway, over ${transport}`, { concurrency: true }, () => {
    test('pushes verdicts of one and of many', long, () => connect({ transport }, async (client) => {
      const good = client.submit(order('completed', '4s'));
      assert.equal((await good.verdict()).status, 'succeeded');
      const many = Array.from({ length: 120 }, (_, i) => client.submit(order(i % 2 ? 'declined' : 'completed', `${2 + i % 20}s`)));
      const verdicts = await Promise.all(many.map((tx) => tx.verdict()));
      verdicts.forEach((view, i) => assert.equal(view.status, i % 2 ? 'failed' : 'succeeded'));
      for (const tx of many) assert.deepEqual(tx.sendings.map((s) => s.replayed), [false]);
    }));

    test('takes the same key as the same transaction, and refuses other content', long, () => connect({ transport }, async (client) => {
      const submission = { ...order('completed', '4s'), key: `live "${transport}" ${crypto.randomUUID()}` };
      const first = await client.submit(submission).verdict();
      const again = client.submit(submission);
      assert.deepEqual(await again.verdict(), first);
      assert.equal(again.sendings[0].replayed, true);
      const other = client.submit({ ...order('declined', '4s'), key: submission.key });
      await assert.rejects(other.verdict(), { name: 'Refusal', status: 422, newKeySafe: false });
    }));

    test('tells what nobody has confirmed, until somebody has', long, async () => {
      let id;
      await connect({ transport }, async (client) => { ({ id } = await client.submit(order('completed', '2s')).verdict()); });
      await connect({ transport }, async (client) => {
        const tx = await heard(client, id);
        assert.equal(tx.status, 'succeeded');
        await tx.confirm();
        await tx.confirm();
      });
      await connect({ transport }, async (client) => {
        const later = client.submit(order('completed', '4s'));
        const ids = [];
        client.on('verdict', (tx) => ids.push(tx.id));
        await later.verdict();
        assert.ok(!ids.includes(id));
      });
    });

    test('takes a ticket where a token is configured', long, () => connect({ transport, token: async () => 'any: nobody is asked here' }, async (client) => {
      assert.equal((await client.submit(order('completed', '4s')).verdict()).status, 'succeeded');
    }));

    test('knows no transaction of another name', long, () => connect({ transport }, async (client) => {
      await assert.rejects(client.watch('01a20251-c4ab-7b6f-b74c-a05b325c8b8f0').verdict(), { name: 'Refusal', status: 404 });
    }));

    test('has the verdict for an app that was killed', long, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'verdict-'));
      const first = spawn(process.execPath, [app, url, folder, transport, JSON.stringify(order('completed', '20s').payload)]);
      for await (const line of createInterface(first.stdout)) if (line.includes('pending')) break;
      first.kill('SIGKILL');
      await once(first, 'exit');
      const second = spawn(process.execPath, [app, url, folder, transport], { stdio: ['ignore', 'pipe', 'inherit'] });
      const said = [];
      for await (const line of createInterface(second.stdout)) said.push(JSON.parse(line));
      assert.equal(said.at(-1).status, 'succeeded');
      await rm(folder, { recursive: true });
    });
  });
}

// heard resolves with a transaction once its verdict is told.
const heard = (client, id) => new Promise((resolve) => {
  client.on('verdict', (tx) => { if (tx.id === id) resolve(tx); });
});
