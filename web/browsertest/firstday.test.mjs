// The console at VERDICT_ADMIN, as somebody meets it on a first day: one payment needs a person, that of the key VERDICT_KEY.

import { test } from 'node:test';
import { launch, visit } from './browser.mjs';

const { VERDICT_ADMIN: admin, VERDICT_KEY: key } = process.env;

test('what is stuck is found in the console, and resolved by the books of the partner', { timeout: 240_000 }, async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  await visit(browser, admin, {}, async (page) => {
    await page.waitForSelector('h1:has-text("needs a person")');
    await page.click('nav >> text=Review');
    await page.locator('.rows li', { hasText: key }).locator('a').click();
    await page.waitForSelector('.story:has-text("For review by a person")');
    await page.click('text=Resolve…');
    await page.check('input[value=succeeded]', { force: true });
    await page.fill('textarea', 'on the statement of 14 January');
    await page.click('text=Continue');
    await page.click('text=Yes, it succeeded');
    await page.waitForSelector('.story:has-text("The verdict: succeeded")');
  });
});
