// The demo page, driven against a running "verdict demo" at VERDICT_URL. With VERDICT_TEST_SCREENSHOTS it leaves pictures there.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { count, ends, launch, pay, small, told, visit, wide } from './browser.mjs';

const url = process.env.VERDICT_URL ?? 'http://127.0.0.1:5000';
const album = process.env.VERDICT_TEST_SCREENSHOTS;
const long = { timeout: 240_000 };

// What is photographed: the misfortune, how it ends, and the last thing told of it.
const story = [
  ['twice', 'succeeded', 'A webhook comes'],
  ['offline', 'succeeded', 'Verdict pushes'],
  ['through', 'succeeded', 'Verdict pushes'],
  ['declined', 'failed', 'A webhook comes'],
];

describe('the demo page', { concurrency: 3 }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser.close());

  const outcomes = [
    ['well', 'succeeded', 'Paid', 'The partner replies: paid'],
    ['slow', 'succeeded', 'Paid', 'The partner replies: paid'],
    ['webhook', 'succeeded', 'Paid', 'Verdict asks the partner: paid'],
    ['through', 'succeeded', 'Paid', 'Verdict asks the partner: paid'],
    ['nowhere', 'failed', 'Not paid', 'Verdict asks the partner: not found'],
    ['declined', 'failed', 'Not paid', 'The partner replies: declined'],
  ];
  for (const [misfortune, state, title, cause] of outcomes) {
    test(`misfortune "${misfortune}" ends as ${state}, sent once`, long, () => visit(browser, url, {}, async (page) => {
      await pay(page, misfortune);
      assert.equal(await ends(page, state), title);
      await told(page, cause);
      const lines = await told(page, 'The verdict');
      assert.equal(count(lines, 'Verdict pushes'), 1, lines.join('\n'));
      assert.equal(count(lines, 'Verdict sends it'), 1, lines.join('\n'));
      assert.equal(await page.textContent('#figure-sends'), 'once');
      assert.match(await page.textContent('.recent li:first-child'), new RegExp(`Awa Koné.*${title}$`));
    }));
  }

  test('a 504 stays pending until a check tells', long, () => visit(browser, url, {}, async (page) => {
    await pay(page, 'through');
    await ends(page, 'succeeded');
    const lines = await told(page, 'The verdict');
    const [silence, asked, verdict] = ['504 Timeout', 'Verdict asks the partner: paid', 'The verdict'].map((words) => lines.findIndex((line) => line.includes(words)));
    assert.ok(0 <= silence && silence < asked && asked < verdict, lines.join('\n'));
    const states = await page.evaluate(() => window.seen.states.map(({ state }) => state));
    assert.deepEqual([...new Set(states.slice(states.indexOf('pending')))], ['pending', 'succeeded']);
  }));

  test('a webhook after the verdict is told and changes nothing', long, () => visit(browser, url, {}, async (page) => {
    await pay(page, 'well');
    await ends(page, 'succeeded');
    await told(page, 'A webhook comes: paid; changes nothing');
    assert.equal(await page.getAttribute('#phone', 'data-state'), 'succeeded');
  }));

  test('tapping twice makes two requests and one transaction, sent once', long, () => visit(browser, url, {}, async (page) => {
    const answers = [];
    page.on('response', (r) => { if (r.request().method() === 'POST' && r.url().endsWith('/v1/transactions')) answers.push(r); });
    await pay(page, 'twice');
    await ends(page, 'succeeded');
    const lines = await told(page, 'The verdict');
    assert.equal(answers.length, 2);
    const views = await Promise.all(answers.map((answer) => answer.json()));
    assert.equal(views[0].id, views[1].id);
    assert.equal(views[0].key, views[1].key);
    assert.equal(answers.filter((answer) => answer.headers()['idempotent-replayed'] === 'true').length, 1);
    assert.equal(count(lines, 'same transaction'), 1, lines.join('\n'));
    assert.equal(count(lines, 'Verdict sends it'), 1, lines.join('\n'));
  }));

  for (const transport of ['sse', 'ws']) {
    test(`a phone that was away has the verdict when it returns, over ${transport}`, long, (t) => visit(browser, url, {}, async (page) => {
      await page.check(`input[value=${transport}]`);
      await undecided(page);
      await pay(page, 'offline');
      await page.waitForSelector('#phone[data-link=offline]');
      await told(page, 'The verdict: succeeded');
      assert.equal(await ends(page, 'succeeded'), 'Paid');
      const states = await page.evaluate(() => window.seen.states);
      assert.ok(states.every((s) => s.link === 'online' || s.state !== 'succeeded'));
      const back = states.findLastIndex((s) => s.link === 'offline') + 1;
      const shown = states.find((s, i) => i >= back && s.state === 'succeeded');
      t.diagnostic(`${Math.round(shown.at - states[back].at)} ms after its return`);
    }));
  }

  for (const transport of ['sse', 'ws']) {
    test(`a browser without network shows the verdict when it is back, over ${transport}`, long, (t) => visit(browser, url, { faulty: true }, async (page) => {
      await page.check(`input[value=${transport}]`);
      const id = await paySlowly(page);
      await page.context().setOffline(true);
      assert.equal(await settled(id), 'succeeded');
      assert.equal(await page.getAttribute('#phone', 'data-state'), 'pending');
      await page.evaluate(() => { addEventListener('online', () => { window.seen.back = performance.now(); }); });
      await page.context().setOffline(false);
      assert.equal(await ends(page, 'succeeded'), 'Paid');
      const { states, back } = await page.evaluate(() => window.seen);
      const shown = states.find((s) => s.state === 'succeeded');
      assert.ok(shown.at > back);
      t.diagnostic(`${Math.round(shown.at - back)} ms after its return`);
    }));

    test(`a page that is closed and opened again shows the verdict, over ${transport}`, long, () => visit(browser, url, {}, async (page) => {
      await page.check(`input[value=${transport}]`);
      const id = await paySlowly(page);
      const context = page.context();
      await page.close();
      assert.equal(await settled(id), 'succeeded');
      const again = await context.newPage();
      await again.goto(url);
      assert.ok(await again.isChecked(`input[value=${transport}]`));
      assert.equal(await ends(again, 'succeeded'), 'Paid');
      assert.equal(await again.getAttribute('#phone', 'data-payment'), id);
      assert.equal(count(await told(again, 'confirms'), 'Verdict sends it'), 1);
      return again;
    }));
  }

  test('the switch moves the push to a WebSocket', long, () => visit(browser, url, {}, async (page) => {
    const sockets = [], streams = [];
    page.on('websocket', (socket) => sockets.push(new URL(socket.url()).pathname));
    page.on('request', (request) => { if (request.url().endsWith('/events')) streams.push(request.url()); });
    await page.check('input[value=ws]');
    await pay(page, 'well');
    assert.equal(await ends(page, 'succeeded'), 'Paid');
    assert.deepEqual(sockets, ['/v1/ws']);
    assert.deepEqual(streams, []);
  }));

  test('the switch works in mid-payment', long, () => visit(browser, url, {}, async (page) => {
    const stream = page.waitForRequest((request) => request.url().endsWith('/events'));
    await undecided(page);
    await pay(page, 'slow');
    await stream;
    const socket = page.waitForEvent('websocket');
    await page.check('input[value=ws]');
    await socket;
    assert.equal(await ends(page, 'succeeded'), 'Paid');
  }));

  test('a page that is reloaded in mid-payment goes on with it', long, () => visit(browser, url, {}, async (page) => {
    await undecided(page);
    await pay(page, 'slow');
    await page.waitForSelector('#phone[data-state=pending]:not([data-payment=""])');
    const payment = await page.getAttribute('#phone', 'data-payment');
    await page.reload();
    await page.waitForSelector(`#phone[data-payment="${payment}"]`);
    assert.equal(await ends(page, 'succeeded'), 'Paid');
    const lines = await told(page, 'The verdict');
    assert.equal(await page.getAttribute('#phone', 'data-payment'), payment);
    assert.equal(count(lines, 'Verdict sends it'), 1, lines.join('\n'));
    assert.equal(count(lines, 'The phone is back'), 1, lines.join('\n'));
  }));

  test('the keyboard alone is enough, and the state is announced', long, () => visit(browser, url, {}, async (page) => {
    await page.focus('[data-part=amount]');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('15000');
    await page.keyboard.press('Enter');
    await ends(page, 'succeeded');
    assert.match(await page.textContent('[role=status]'), /Paid/);
    assert.match(await page.textContent('.order'), /15\s000\sFCFA to Awa Koné/);
    await page.keyboard.press('Enter'); // the focus is on "New payment"
    await page.waitForSelector('#phone[data-state=form]');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'pay');
  }));

  test('on a small screen nothing is wider than it, and the phone comes first', long, () => visit(browser, url, { viewport: small }, async (page) => {
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    assert.ok(await fits());
    await pay(page, 'twice');
    await ends(page, 'succeeded');
    await told(page, 'A webhook comes');
    assert.ok(await fits());
    const [phone, timeline] = await page.$$eval('.phone, .lanes', (all) => all.map((e) => e.getBoundingClientRect().toJSON()));
    assert.ok(phone.bottom < timeline.top);
  }));

  for (const scheme of ['light', 'dark']) {
    for (const [name, viewport] of Object.entries({ wide, small })) {
      test(`pictures, ${name} and ${scheme}`, { ...long, skip: !album }, () => visit(browser, url, { viewport, scheme }, async (page) => {
        const picture = (moment) => photograph(page, join(album, `${name}-${scheme}-${moment}.png`), name === 'small');
        await picture('1-form');
        await pay(page, 'slow');
        await told(page, 'sends it');
        await page.waitForFunction(() => document.querySelector('.now')?.getAttribute('y1') > 200);
        await picture('2-pending');
        await ends(page, 'succeeded');
        await told(page, 'A webhook comes');
        for (const [i, [misfortune, state, last]] of story.entries()) {
          await pay(page, misfortune);
          await ends(page, state);
          await told(page, last);
          await page.waitForTimeout(1200); // the marks glide to their places
          await picture(`${i + 3}-${misfortune}`);
        }
      }));
    }
  }
});

// undecided has the partner leave what is paid from now on undecided for ten seconds, as it is ten times faster here: time for what
// a test does before the verdict comes, on a busy machine too.
async function undecided(page) {
  const simulate = { status: 'completed', reply: 'timeout', settles: true, settles_after: '100s', webhook: 'once', webhook_after: '101s' };
  await page.route('**/v1/transactions', (route) => {
    const { payload, ...order } = route.request().postDataJSON();
    return route.continue({ postData: JSON.stringify({ ...order, payload: { ...payload, simulate } }) });
  });
}

// paySlowly pays, and returns the payment's id once the verdict is listened for: a socket that is closed while it opens is
// a complaint of Chromium's.
async function paySlowly(page) {
  const listening = new Promise((resolve) => {
    page.on('websocket', (socket) => socket.on('framereceived', resolve));
    page.on('response', (response) => { if (response.url().endsWith('/events')) resolve(); });
  });
  await undecided(page);
  await pay(page, 'slow');
  await listening;
  return page.getAttribute('#phone', 'data-payment');
}

// settled waits until the gateway has the verdict, and returns it.
async function settled(id) {
  for (;;) {
    const { status } = await (await fetch(`${url}/v1/transactions/${id}`)).json();
    if (status !== 'pending') return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// photograph takes a picture; one of the whole page resizes it for a moment, which is no jump of the page's own.
async function photograph(page, path, fullPage) {
  const shifts = await page.evaluate(() => window.seen.shifts().length);
  await page.screenshot({ path, fullPage });
  await page.evaluate((shifts) => { window.seen.shifts().length = shifts; }, shifts);
}
