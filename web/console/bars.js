// How many verdicts came when: bars, those that failed on those that succeeded.

import { h } from './dom.js';
import { many } from './say.js';
import { node, text } from './svg.js';
import { at } from './when.js';

const foot = 22, most = 60; // px below the bars; bars at the most
const widths = [1, 2, 5, 10, 15, 30, 60].map((s) => s * 1000); // ms that a bar may stand for

// createBars returns a chart. show takes verdicts as the figures tell them and the time that they are of, and returns how many ms
// a bar stands for.
export function createBars() {
  const svg = node('svg', { class: 'bars', role: 'img', height: innerWidth < 400 ? 150 : 228 }); // as it will be, so that nothing jumps
  const element = h('div', {}, svg);
  let bars = [], from = 0;
  new ResizeObserver(draw).observe(element);

  function show(verdicts, since, now) {
    const each = widths.find((width) => (now - since) / width <= most) ?? widths.at(-1);
    from = since;
    bars = count(verdicts, since, now, each);
    const failed = verdicts.filter((v) => v.status === 'failed').length;
    svg.setAttribute('aria-label', `${many(verdicts.length, 'verdict')} since ${at(since)}, ${failed} of them failed`);
    draw();
    return each;
  }

  function draw() {
    const width = element.clientWidth;
    if (!width || !bars.length) return;
    const height = width < 340 ? 150 : 228, base = height - foot, step = width / bars.length;
    const top = Math.max(4, ...bars.map((b) => b.succeeded + b.failed)), tall = (n) => ((base - 20) * n) / top;
    const drawn = bars.flatMap((b, i) => ['succeeded', 'failed'].filter((kind) => b[kind]).map((kind) => node('rect', {
      class: kind, x: (i + 0.14) * step, width: step * 0.72, y: base - tall(b[kind] + (kind === 'failed' ? b.succeeded : 0)), height: tall(b[kind]),
    })));
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('height', height);
    const now = text('now', width, height - 5, 'hour');
    now.setAttribute('text-anchor', 'end');
    svg.replaceChildren(
      node('line', { class: 'lane', x1: 0, x2: width, y1: base + 0.5, y2: base + 0.5 }), ...drawn,
      text(`up to ${top}`, 0, 11, 'hour'), text(at(from), 0, height - 5, 'hour'), now);
  }
  return { element, show };
}

function count(verdicts, since, now, each) {
  const bars = Array.from({ length: Math.max(1, Math.ceil((now - since) / each)) }, () => ({ succeeded: 0, failed: 0 }));
  for (const v of verdicts) {
    const back = Math.floor((now - Date.parse(v.at)) / each); // the last bar ends now
    bars.at(-1 - Math.min(bars.length - 1, Math.max(0, back)))[v.status]++;
  }
  return bars;
}
