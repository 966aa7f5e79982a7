// The measure of what jumps, and that a page is seen to jump.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { launch, visit } from './browser.mjs';
import { greatest } from './jumps.mjs';

describe('the greatest jump', () => {
  const shift = (at, value) => ({ at, value, moved: [`${at}`] });
  const cases = [
    ['is none where nothing moved', [], 0, []],
    ['adds up shifts less than a second apart', [shift(0, 1), shift(999, 2)], 3, ['0', '999']],
    ['is not a sum over the life of a page', [shift(0, 1), shift(1000, 2), shift(3000, 1)], 2, ['1000']],
    ['lasts five seconds', [0, 900, 1800, 2700, 3600, 4500, 5400, 6300].map((at) => shift(at, 1)), 6, ['0', '900', '1800', '2700', '3600', '4500']],
  ];
  for (const [name, shifts, value, moved] of cases) {
    test(name, () => {
      const most = greatest(shifts);
      assert.deepEqual([most.value, most.moved], [value, moved]);
    });
  }
});

test('a page that jumps fails its test, which says what moved', async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const html = '<p style="height: 20px">late</p><div class="pushed" style="height: 400px; background: teal">read</div>';
  await assert.rejects(visit(browser, `data:text/html,${encodeURIComponent(html)}`, {}, async (page) => {
    await page.evaluate(() => new Promise((seen) => {
      new PerformanceObserver(seen).observe({ type: 'layout-shift' });
      requestAnimationFrame(() => requestAnimationFrame(() => { document.querySelector('p').style.height = '400px'; })); // once it was drawn
    }));
  }), /the layout jumped by 0\.\d+:\ndiv\.pushed from 8,\d+ 1264x400 to 8,\d+ 1264x400/);
});
