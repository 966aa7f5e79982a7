// Chromium for the tests, and what all of them ask of the page.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { greatest } from './jumps.mjs';

const patience = 60_000; // ms for what must come: on a busy machine it comes late, and on another it costs nothing

export const wide = { width: 1280, height: 900 }, small = { width: 390, height: 844 };

export const launch = () => chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--headless=new', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});

// visit opens the page in a fresh profile and hands it to use, which may return another one that it opened instead. However
// use ends, the profile is closed; if it ends well, no page must have complained (a violated content security policy is
// such a complaint), nor the last one have moved about.
export async function visit(browser, url, { viewport = wide, scheme = 'light', faulty = false } = {}, use) {
  const context = await browser.newContext({ viewport, colorScheme: scheme });
  try {
    context.setDefaultTimeout(patience);
    await context.addInitScript(observe);
    const page = await context.newPage();
    const complaints = [];
    context.on('console', (message) => {
      const closedByUs = message.text().includes('closed before the connection is established'); // as a phone that leaves does
      if (['error', 'warning'].includes(message.type()) && !closedByUs) complaints.push(message.text());
    });
    context.on('weberror', (event) => complaints.push(event.error().message));
    await page.goto(url);
    const last = (await use(page)) ?? page;
    if (!faulty) assert.deepEqual(complaints, []);
    const jump = greatest(await last.evaluate(() => window.seen.shifts()));
    assert.ok(jump.value <= 0.1, `the layout jumped by ${jump.value}:\n${jump.moved.join('\n')}`); // above that it is worse than good, by web.dev's Web Vitals
  } finally {
    await context.close();
  }
}

// observe runs in the page before its scripts: it notes layout shifts, but those that follow what the user does, and when the
// phone, if there is one, shows what.
function observe() {
  const shifts = [];
  const keep = (entries) => shifts.push(...entries.filter((entry) => !entry.hadRecentInput).map((entry) => ({
    at: entry.startTime, value: entry.value, moved: entry.sources.map(moved),
  })));
  const observer = new PerformanceObserver((list) => keep(list.getEntries()));
  observer.observe({ type: 'layout-shift', buffered: true });
  window.seen = { states: [], shifts: () => { keep(observer.takeRecords()); return shifts; } };

  function moved({ node, previousRect, currentRect }) {
    const element = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    const names = element ? [element.localName, element.id && `#${element.id}`, ...[...element.classList].map((name) => `.${name}`)] : ['what is gone'];
    const where = ({ x, y, width, height }) => `${Math.round(x)},${Math.round(y)} ${Math.round(width)}x${Math.round(height)}`;
    return `${names.join('')} from ${where(previousRect)} to ${where(currentRect)}`;
  }
  addEventListener('DOMContentLoaded', () => {
    const phone = document.getElementById('phone');
    if (!phone) return;
    const note = () => window.seen.states.push({ at: performance.now(), state: phone.dataset.state, link: phone.dataset.link });
    new MutationObserver(note).observe(phone, { attributes: true });
    note();
  });
}

// pay chooses a misfortune and pays.
export async function pay(page, misfortune) {
  await page.check(`input[value=${misfortune}]`);
  await page.click('.pay');
}

// ends waits for the phone to show the end of the payment, and returns it as shown.
export async function ends(page, state) {
  try {
    await page.waitForSelector(`#phone[data-state=${state}]`);
  } catch (cause) {
    throw new Error(`the phone doesn't come to ${state}: ${JSON.stringify(await page.evaluate(standing))}`, { cause });
  }
  return page.textContent('.title');
}

// standing runs in the page and returns how it came to where it is.
function standing() {
  const requests = performance.getEntriesByType('resource').slice(-8).map(({ name, startTime, duration, responseStatus }) => [new URL(name).pathname, startTime, duration, responseStatus]);
  return { now: performance.now(), online: navigator.onLine, states: window.seen.states.slice(-8), requests };
}

// told waits until the timeline says so, and returns all of it.
export async function told(page, words) {
  await page.waitForSelector(`#telling li:has-text("${words}")`, { state: 'attached' });
  return page.$$eval('#telling li', (items) => items.map((item) => item.textContent));
}

export const count = (lines, words) => lines.filter((line) => line.includes(words)).length;
