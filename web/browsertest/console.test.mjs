// The operators' console, driven against a gateway at VERDICT_URL whose operators' listener is at VERDICT_ADMIN, and whose partner
// decides nothing that it is asked not to. Where VERDICT_KEY is given, operators are asked for it. With VERDICT_TEST_SCREENSHOTS it
// leaves pictures there.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch, small, visit, wide } from './browser.mjs';

const gateway = process.env.VERDICT_URL, admin = process.env.VERDICT_ADMIN, key = process.env.VERDICT_KEY;
const album = process.env.VERDICT_TEST_SCREENSHOTS;
const long = { timeout: 240_000 };

const stuck = { reply: 'timeout', settles: false }; // a 504, and never a verdict
const contradiction = { reply: 'ok', status: 'completed', webhook: 'contradict' };
let made = 0;

// submit has an app ask for a transaction, and returns it.
async function submit(simulate, name = `order-${process.pid}-${String(++made).padStart(3, '0')}`) { // so that none is the beginning of another
  const answer = await fetch(`${gateway}/v1/transactions`, {
    method: 'POST', headers: { 'Idempotency-Key': name, 'Content-Type': 'application/json' },
    body: JSON.stringify({ operation: 'transfer', payload: { note: '<b>not a tag</b>', simulate } }),
  });
  return answer.json();
}

// file is what operators are told of a transaction.
async function file(id) {
  const answer = await fetch(`${admin}/v1/transactions/${id}`, key && { headers: { Authorization: `Bearer ${key}` } });
  return answer.json();
}

// becomes waits until a transaction is at a stage, and returns its file.
async function becomes(id, stage) {
  for (;;) {
    const told = await file(id);
    if (told.transaction.stage === stage) return told;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
const inQueue = (page, name) => page.locator('.rows li', { hasText: name });

describe('the console', { concurrency: 3, skip: Boolean(key) }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser.close());

  test('a stuck transaction is found, read, checked and resolved, and leaves the queue', long, () => visit(browser, admin, {}, async (page) => {
    const { id, key: name } = await submit(stuck);
    await becomes(id, 'review');
    await page.waitForFunction(() => /need(s)? a person/.test(document.querySelector('h1')?.textContent));
    await page.click('nav >> text=Review');
    await inQueue(page, name).waitFor();

    await page.fill('#quick-words', name);
    await page.press('#quick-words', 'Enter');
    await inQueue(page, name).locator('a').click();
    await page.waitForSelector(`h1:has-text("${name}")`);
    const story = page.locator('.story');
    await story.locator('text=For review by a person').waitFor();
    const told = await story.textContent();
    for (const words of ['The app asks; it is on record', 'Verdict sends it to djamo', 'djamo replies: nothing that tells', 'Timeout']) {
      assert.ok(told.includes(words), `${words} is missing in ${told}`);
    }
    assert.ok((await page.textContent('.transaction')).includes('<b>not a tag</b>'));

    const before = (await file(id)).evidence.length, asked = await story.locator('.told', { hasText: 'Verdict asks djamo: not found' }).count();
    await page.click('text=Check now');
    await page.waitForSelector('#said:has-text("is asked now")');
    await page.waitForFunction((n) => [...document.querySelectorAll('.story .told')].filter((e) => e.textContent.startsWith('Verdict asks djamo: not found')).length > n, asked);
    assert.ok((await file(id)).evidence.length > before);

    await becomes(id, 'review');
    await page.click('text=Resolve…');
    await page.check('input[value=succeeded]', { force: true });
    await page.fill('textarea', 'on the statement of 14 January');
    await page.click('text=Continue');
    const warning = await page.textContent('.effects');
    assert.match(warning, /final/);
    assert.match(warning, /The app is told at once that it succeeded/);
    assert.equal((await file(id)).transaction.status, 'pending'); // nothing before the second step
    await page.click('text=Yes, it succeeded');
    await story.locator('text=The verdict: succeeded').waitFor();
    await story.locator('text=on the statement of 14 January').waitFor();
    assert.equal((await file(id)).transaction.status, 'succeeded');
    assert.equal(await page.locator('text=Resolve…').count(), 0);

    await page.click('nav >> text=Review');
    await page.waitForSelector('h1:has-text("review")');
    assert.equal(await inQueue(page, name).count(), 0);
  }));

  test('a resolution can be thought better of, until it is confirmed', long, () => visit(browser, admin, {}, async (page) => {
    const { id, key: name } = await submit(stuck);
    await becomes(id, 'review');
    await page.goto(`${admin}/#/review`);
    await inQueue(page, name).locator('text=Resolve…').click();
    await page.check('input[value=failed]', { force: true });
    await page.fill('textarea', 'their desk says no');
    await page.click('text=Continue');
    await page.click('dialog button:has-text("Back")');
    assert.equal(await page.inputValue('textarea'), 'their desk says no');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.resolve', { state: 'detached' });
    assert.equal((await file(id)).transaction.stage, 'review');
    await inQueue(page, name).waitFor();
  }));

  test('a refusal to resolve is said in the dialog', long, () => visit(browser, admin, { faulty: true }, async (page) => {
    const { id, key: name } = await submit(stuck);
    await becomes(id, 'review');
    await page.goto(`${admin}/#/review`);
    await inQueue(page, name).locator('text=Resolve…').click();
    await page.check('input[value=failed]', { force: true });
    await page.fill('textarea', 'their desk says no');
    await page.click('text=Continue');
    await fetch(`${admin}/v1/transactions/${id}/resolve`, { method: 'POST', body: JSON.stringify({ status: 'succeeded', reason: 'first' }) });
    await page.click('text=Yes, it failed');
    await page.waitForSelector('.fault:has-text("not for review")');
    assert.equal((await file(id)).transaction.status, 'succeeded');
  }));

  test('what leaves the queue keeps its place in it until it is opened again', long, () => visit(browser, admin, {}, async (page) => {
    const [first, second] = [await submit(stuck), await submit(stuck)];
    for (const { id } of [first, second]) await becomes(id, 'review');
    await page.click('nav >> text=Review');
    for (const { key: name } of [first, second]) await inQueue(page, name).waitFor();
    const place = async () => (await page.locator('.rows strong').allTextContents()).indexOf(second.key);
    const before = await place();
    await fetch(`${admin}/v1/transactions/${first.id}/resolve`, { method: 'POST', body: JSON.stringify({ status: 'failed', reason: 'first' }) });
    await inQueue(page, first.key).locator('text=No longer for review').waitFor();
    assert.equal(await place(), before);
    assert.equal(await inQueue(page, first.key).locator('button').count(), 0);
    await page.reload();
    await inQueue(page, second.key).waitFor();
    assert.equal(await inQueue(page, first.key).count(), 0);
  }));

  test('a contradiction is among the conflicts, and in its transaction', long, () => visit(browser, admin, {}, async (page) => {
    const { id, key: name } = await submit(contradiction);
    while (!(await file(id)).evidence.some((e) => e.conflict)) await new Promise((resolve) => setTimeout(resolve, 100));
    await page.click('nav >> text=Conflicts');
    const entry = page.locator('.conflicts li', { hasText: name });
    await entry.waitFor();
    const words = await entry.textContent();
    assert.match(words, /succeeded/);
    assert.match(words, /Webhook says failed/);
    assert.match(words, /"status":"declined"/);
    await entry.locator('a').click();
    await page.waitForSelector('.story:has-text("Contradicts the verdict")');
  }));

  test('search finds by key, status and partner, keeps to the address, and says how far it looked', long, () => visit(browser, admin, {}, async (page) => {
    const { id, key: name } = await submit({ reply: 'ok', status: 'completed' });
    await becomes(id, 'settled');
    await page.goto(`${admin}/#/transactions?${new URLSearchParams({ q: id, status: 'succeeded', provider: 'djamo' })}`);
    await inQueue(page, name).waitFor();
    assert.equal(await page.inputValue('select[name=status]'), 'succeeded');
    await page.waitForFunction(() => document.querySelector('select[name=provider]').value === 'djamo');
    await page.selectOption('select[name=status]', 'failed');
    await page.click('.filters button');
    await page.waitForSelector('.note:has-text("None found among")');
    assert.match(page.url(), /status=failed/);
    await page.fill('input[name=q]', 'nobody’s');
    await page.selectOption('select[name=status]', '');
    await page.click('.filters button');
    await page.waitForFunction(() => /None found among [\d,]+ transactions?, back to [^.]*\. As of /.test(document.querySelector('.note').textContent));
  }));

  test('a search that is left open looks no more, and looks again when asked to', long, () => visit(browser, admin, {}, async (page) => {
    let searches = 0;
    page.on('request', (request) => { if (request.url().includes('/v1/search')) searches++; });
    const { id, key: name } = await submit({ reply: 'ok', status: 'completed' });
    await becomes(id, 'settled');
    await page.goto(`${admin}/#/transactions?q=${id}`);
    await inQueue(page, name).waitFor();
    const figures = () => page.waitForResponse((answer) => answer.url().includes('/v1/figures'));
    await figures(); // the page has looked for what may change, twice
    await figures();
    assert.equal(searches, 1);
    await page.click('.filters button');
    await page.waitForFunction(() => document.querySelector('.note').textContent.startsWith('As of '));
    while (searches < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  }));

  test('what backends were told is in the story, and how their endpoints stand on the overview', long, () => visit(browser, admin, {}, async (page) => {
    const { id } = await submit({ reply: 'ok', status: 'completed' });
    await becomes(id, 'settled');
    await page.waitForSelector('.endpoints li:has-text("till"):has-text("closed until it is enabled"):has-text("The backend answered 410."):has-text("wait")');
    await page.waitForSelector('.endpoints li:has-text("shop"):has-text("open")');
    await page.goto(`${admin}/#/transactions/${id}`);
    await page.waitForSelector('.story li:has-text("The backend at shop is told"):has-text("1 attempt; the last at"):has-text("answered 204")');
    await page.waitForSelector('.story li:has-text("The backend at till is yet to be told")');
  }));

  test('an endpoint that is not configured any more is shown, with the mend', long, () => visit(browser, admin, {}, async (page) => {
    await page.route((url) => url.pathname === '/v1/endpoints', (route) => route.fulfill({ json: { endpoints: [
      { name: 'kiosk', configured: false, disabled: false, pending: 3, oldest_verdict: '2026-01-14T09:00:00Z', given_up: 0 },
    ] } }));
    await page.waitForSelector('.endpoints li:has-text("kiosk"):has-text("not configured"):has-text("verdict notify drop kiosk"):has-text("3 verdicts wait")', { timeout: 30_000 });
    assert.ok(await fits(page));
  }));

  test('a search that stopped says so, and goes on when asked to', long, () => visit(browser, admin, {}, async (page) => {
    const { id, key: name } = await submit({ reply: 'ok', status: 'completed' });
    await becomes(id, 'settled');
    await page.route((url) => url.pathname === '/v1/search', (route) => { // the first page, as if there were many
      const first = !new URL(route.request().url()).searchParams.has('below');
      return first ? route.fulfill({ json: { transactions: [], looked: 5000, back: '2026-01-14T09:00:00Z', next: '~' } }) : route.continue();
    });
    await page.goto(`${admin}/#/transactions?q=${name}`);
    await page.waitForSelector('.note:has-text("None found among 5,000 transactions, back to")');
    await page.waitForSelector('.note:has-text("There may be some further back.")');
    assert.equal(await inQueue(page, name).count(), 0);
    await page.click('text=Look further back');
    await inQueue(page, name).waitFor();
    assert.equal(await page.locator('text=Look further back').isVisible(), false);
    assert.equal(await page.locator('.note:has-text("There may be")').count(), 0);
  }));

  test('the overview counts, and its charts have the verdicts', long, () => visit(browser, admin, {}, async (page) => {
    const { id } = await submit({ reply: 'ok', status: 'completed' });
    await becomes(id, 'settled');
    await page.waitForSelector(`.strips a[href$="${id}"] circle.succeeded`, { state: 'attached' });
    assert.ok(await page.locator('.bars rect.succeeded').count() > 0);
    assert.match(await page.textContent('.legend'), /Reply \d+: half within/);
    assert.match(await page.textContent('.partners'), /djamo/);
    assert.match(await page.textContent('.budget'), /\d checks? in the last hour/);
  }));

  test('the keyboard alone is enough', long, () => visit(browser, admin, {}, async (page) => {
    const { id, key: name } = await submit(stuck);
    await becomes(id, 'review');
    const press = (...keys) => keys.reduce((before, one) => before.then(() => page.keyboard.press(one)), Promise.resolve());
    const tabTo = async (words) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate((w) => document.activeElement.textContent.includes(w) && document.activeElement.matches('a, button'), words)) return;
      }
      assert.fail(`the focus never came to ${words}`);
    };
    await page.waitForSelector('h1');
    await press('/');
    await page.keyboard.type(name);
    await press('Enter');
    await inQueue(page, name).waitFor();
    await tabTo(name);
    await press('Enter');
    await page.waitForSelector('button:has-text("Resolve…")');
    await tabTo('Resolve…');
    await press('Enter');
    await page.waitForSelector('dialog.resolve[open]');
    await press('Space'); // the first choice has the focus: it succeeded
    await press('ArrowDown'); // it failed
    await press('Tab');
    await page.keyboard.type('their desk says no');
    await press('Tab', 'Tab', 'Enter');
    await page.waitForSelector('.effects');
    await press('Enter'); // the focus is on the heading: nothing happens
    assert.equal((await file(id)).transaction.status, 'pending');
    await press('Tab', 'Tab', 'Enter');
    await page.waitForSelector('.story:has-text("The verdict: failed")');
    assert.equal((await file(id)).transaction.status, 'failed');
    assert.notEqual(await page.evaluate(() => document.activeElement), null);
  }));

  test('what one has opened, and the focus, outlive what is new', long, () => visit(browser, admin, {}, async (page) => {
    const { id } = await submit(stuck);
    await becomes(id, 'review');
    await page.goto(`${admin}/#/transactions/${id}`);
    await page.focus('button:has-text("Check now")');
    const first = await page.locator('.story li').first().elementHandle();
    const lines = await page.locator('.story li').count();
    await fetch(`${admin}/v1/transactions/${id}/check`, { method: 'POST' });
    await page.waitForFunction((n) => document.querySelectorAll('.story li').length > n, lines);
    assert.ok(await first.evaluate((element) => element.isConnected));
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Check now');
  }));

  for (const scheme of ['light', 'dark']) {
    test(`on a small screen nothing is wider than it, ${scheme}`, long, async () => {
      const { id } = await submit(stuck, `a-very-long-key-${'x'.repeat(80)}-${scheme}-${process.pid}`);
      await becomes(id, 'review');
      for (const [path, there] of [['', '.strips'], ['review', '.rows li'], ['transactions', '.rows li'], [`transactions/${id}`, '.story li'], ['conflicts', 'h1']]) {
        await visit(browser, `${admin}/#/${path}`, { viewport: small, scheme }, async (page) => {
          await page.waitForSelector(there);
          assert.ok(await fits(page), `${path} is wider than the screen`);
        });
      }
      await visit(browser, `${admin}/#/transactions/${id}`, { viewport: small, scheme }, async (page) => {
        await page.click('text=Resolve…');
        assert.ok(await page.evaluate(() => document.querySelector('dialog.resolve').getBoundingClientRect().right <= innerWidth));
      });
    });

    test(`words stand out from what is behind them, ${scheme}`, long, () => visit(browser, admin, { scheme }, async (page) => {
      const { id } = await submit(stuck);
      await becomes(id, 'review');
      for (const [path, there] of [['', '.partners li'], [`transactions/${id}`, '.story li']]) {
        await page.goto(`${admin}/#/${path}`);
        await page.waitForSelector(there);
        assert.deepEqual(await page.evaluate(faint), []);
      }
    }));
  }

  test('a gateway that is gone is said so, and what was there stays', long, () => visit(browser, admin, { faulty: true }, async (page) => {
    await page.waitForSelector('.figures dd');
    await page.context().setOffline(true);
    await page.waitForSelector('#trouble:has-text("doesn’t answer")');
    assert.ok(await page.locator('.figures dd').count() > 0);
    await page.context().setOffline(false);
    await page.waitForSelector('#trouble', { state: 'hidden' });
  }));

  for (const scheme of ['light', 'dark']) {
    for (const [name, viewport] of Object.entries({ wide, small })) {
      test(`pictures, ${name} and ${scheme}`, { ...long, skip: !album }, () => visit(browser, admin, { viewport, scheme }, async (page) => {
        const { id } = await submit(stuck);
        await becomes(id, 'review');
        for (const path of ['', 'review', 'transactions', `transactions/${id}`, 'conflicts']) {
          await page.goto(`${admin}/#/${path}`);
          await page.waitForTimeout(1000);
          await page.screenshot({ path: join(album, `console-${name}-${scheme}-${path.split('/').slice(0, path.includes('/') ? 1 : 2).join('') || 'overview'}${path.includes('/') ? '-one' : ''}.png`), fullPage: name === 'small' });
        }
      }));
    }
  }
});

describe('the console where operators are asked who they are', { skip: !key }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser.close());

  test('it asks for a key, keeps it in the tab alone, and forgets it', long, () => visit(browser, admin, { faulty: true }, async (page) => {
    const asked = [];
    page.on('request', (request) => { if (request.url().includes('/v1/')) asked.push(request.headers().authorization); });
    await page.waitForSelector('#key[open]');
    assert.equal(await page.locator('.figures dd').count(), 0);
    await page.keyboard.press('Escape'); // there is nothing behind it
    assert.ok(await page.isVisible('#key[open]'));
    await page.fill('#key-words', 'vk_not-one-of-ours');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#key-fault:has-text("not known here")');
    await page.fill('#key-words', key);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.figures dd');
    assert.equal(asked.at(-1), `Bearer ${key}`);
    await page.reload();
    await page.waitForSelector('.figures dd');
    assert.deepEqual(await page.evaluate(() => [localStorage.length, document.cookie, location.href.includes('vk')]), [0, '', false]);

    const other = await page.context().newPage();
    await other.goto(admin);
    await other.waitForSelector('#key[open]');
    await other.close();

    await page.click('#forget');
    await page.waitForSelector('#key[open]');
  }));
});

// faint runs in the page and returns the words that stand out too little from what is behind them: less than 4.5 to 1, or 3 to 1
// if they are large (WCAG 2.2, success criterion 1.4.3).
function faint() {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (color.startsWith('rgb(') || numbers(color)[3] === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest('dialog, script, .unseen, .skip')) continue;
    const style = getComputedStyle(element), color = element.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(color), light(behind(element.closest('svg')?.parentElement ?? element))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) found.push(`${element.textContent.trim().slice(0, 40)}: ${color}`);
  }
  return found;
}
