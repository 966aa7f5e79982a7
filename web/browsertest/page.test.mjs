// The page in isolation, against a gateway that can be told to misbehave.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { count, ends, launch, pay, told, visit } from './browser.mjs';
import { startFake } from './fake.mjs';

describe('the page with a bad gateway or network', () => {
  let browser, fake;
  before(async () => {
    browser = await launch();
    fake = await startFake({ haste: 40 });
  });
  after(async () => {
    await browser.close();
    fake.close();
  });

  for (const fault of ['cut', 'busy']) {
    test(`a submit that is ${fault === 'cut' ? 'cut off' : 'turned away'} is sent again under the same key`, () => visit(browser, fake.url, { faulty: true }, async (page) => {
      const from = fake.posts.length;
      fake.faults.push(fault);
      await pay(page, 'well');
      assert.equal(await ends(page, 'succeeded'), 'Paid');
      const posts = fake.posts.slice(from);
      assert.equal(posts.length, 2);
      assert.deepEqual(posts[0], posts[1]);
      assert.equal(fake.sends().at(-1), 1);
    }));
  }

  test('a page that is reloaded before its acknowledgement sends the same key and content', () => visit(browser, fake.url, { faulty: true }, async (page) => {
    const from = fake.posts.length, heal = fake.ail('cut'); // or it would be acknowledged, and even paid, before a reload that is slow to come
    await pay(page, 'slow');
    await page.waitForEvent('requestfailed');
    await page.reload();
    const before = fake.posts.length;
    heal();
    assert.equal(await ends(page, 'succeeded'), 'Paid');
    assert.ok(before > from && fake.posts.length > before);
    for (const post of fake.posts.slice(from)) assert.deepEqual(post, fake.posts[from]);
    assert.equal(fake.sends().at(-1), 1);
  }));

  test('an event stream that is refused is tried again', () => visit(browser, fake.url, { faulty: true }, async (page) => {
    fake.faults.push('nostream', 'nostream');
    await pay(page, 'slow');
    assert.equal(await ends(page, 'succeeded'), 'Paid');
  }));

  test('a network that stays away is said so; when it is back, the payment goes out once', () => visit(browser, fake.url, { faulty: true }, async (page) => {
    await page.context().setOffline(true);
    await pay(page, 'well');
    assert.equal(await ends(page, 'unsent'), 'No connection');
    const from = fake.posts.length;
    await page.context().setOffline(false);
    assert.equal(await ends(page, 'succeeded'), 'Paid');
    assert.equal(fake.posts.length, from + 1);
    assert.equal(fake.sends().at(-1), 1);
  }));

  test('a gateway that stays away is said so; when it is back, the payment goes out once', () => visit(browser, fake.url, { faulty: true }, async (page) => {
    const heal = fake.ail('busy');
    await pay(page, 'well');
    assert.equal(await ends(page, 'unsent'), 'No connection');
    heal();
    assert.equal(await ends(page, 'succeeded'), 'Paid');
    assert.equal(fake.sends().at(-1), 1);
    assert.ok(count(await told(page, 'acknowledges'), 'no answer') >= 3);
  }));

  test('a payment that the gateway has never heard of is dropped', async (t) => {
    const slow = await startFake({ haste: 1 }); // it has forgotten the payment long before there is a verdict
    t.after(slow.close);
    await visit(browser, slow.url, { faulty: true }, async (page) => {
      await pay(page, 'slow');
      await page.waitForSelector('#phone:not([data-payment=""])');
      slow.forget();
      await page.reload();
      await page.waitForSelector('.none');
      assert.equal(await page.getAttribute('#phone', 'data-state'), 'form');
    });
  });

  test('a payment left pending is looked after while another is made', () => visit(browser, fake.url, {}, async (page) => {
    await pay(page, 'through');
    await told(page, '504 Timeout');
    await page.click('text=New payment');
    await pay(page, 'well');
    await ends(page, 'succeeded');
    await page.waitForFunction(() => [...document.querySelectorAll('.recent .state')].every((s) => s.textContent === 'Paid'));
    await page.click('.recent li:nth-child(2) button');
    assert.ok(count(await told(page, 'Verdict asks the partner: paid'), 'The verdict: succeeded') === 1);
  }));
});
