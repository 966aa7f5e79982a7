// An app in a process of its own, for being killed: node app.mjs url folder transport [payload]. It submits the payload,
// or goes on with what it has; it says what it knows, and ends when it has the verdict.

import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { createClient } from '../dist/index.js';

const [url, folder, transport, payload] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const path = (name) => join(folder, encodeURIComponent(name));
const storage = {
  get: (name) => readFileSync(path(name), 'utf8'),
  set(name, value) {
    writeFileSync(join(folder, 'new'), value);
    renameSync(join(folder, 'new'), path(name));
  },
  delete: (name) => rmSync(path(name), { force: true }),
  keys: () => readdirSync(folder).map(decodeURIComponent),
};
const client = createClient({ url, storage, transport, WebSocket });
const all = payload ? [client.submit({ payload: JSON.parse(payload) })] : await client.resume();
for (const tx of all) {
  tx.on('change', () => console.log(JSON.stringify({ key: tx.key, status: tx.status })));
}
console.log(JSON.stringify({ resumed: all.length }));
