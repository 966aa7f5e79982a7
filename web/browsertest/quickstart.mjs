// Pays on the page of docs/quickstart.md, whose URL is the argument, and sees what it shows.

import assert from 'node:assert/strict';
import { launch } from './browser.mjs';

const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(process.argv[2]);
  await page.click('button');
  await page.waitForFunction(() => document.querySelector('output').textContent === 'pending', null, { timeout: 10_000 });
  await page.waitForFunction(() => document.querySelector('output').textContent !== 'pending', null, { timeout: 20_000 });
  assert.equal(await page.textContent('output'), 'succeeded');
} finally {
  await browser.close();
}
