// How one mark looks, drawn around y = 0 between its lanes.

import { node, text } from './svg.js';
import { duration } from './words.js';

const shapes = { arrow, broken, hairpin, verdict: stamp, dot: spot };

// drawMark returns the group of a mark for lanes of that size.
export function drawMark(mark, size) {
  const x0 = size.lanes[mark.from], x1 = size.lanes[mark.to];
  const group = node('g', { class: `mark new ${mark.shape} ${mark.tone ?? ''}` });
  group.append(text(duration(mark.at), size.gutter, 4, 'time'), ...shapes[mark.shape](mark, x0, x1, Math.sign(x1 - x0)));
  if (mark.shape !== 'verdict' && mark.shape !== 'dot') group.append(...words(mark, (x0 + x1) / 2, size.narrow));
  return group;
}

function arrow(mark, x0, x1, way) {
  return [line(x0 + 6 * way, x1 - 8 * way, mark.dashed), tip(x1 - 6 * way, 0, way), dot(x0, 3.5)];
}

// broken is an arrow that doesn't arrive.
function broken(mark, x0, x1, way) {
  const end = x0 + (x1 - x0) * 0.86;
  const cross = node('path', { class: 'cross', d: `M${end - 5} -5L${end + 5} 5M${end + 5} -5L${end - 5} 5` });
  return [line(x0 + 6 * way, end - 8 * way, true), cross, dot(x0, 3.5)];
}

// hairpin is a question and its answer.
function hairpin(mark, x0, x1) {
  const there = node('path', { class: 'stem', pathLength: 1, d: `M${x0 + 6} -4H${x1 - 12}a4 4 0 0 1 0 8H${x0 + 9}` });
  return [there, tip(x0 + 7, 4, -1), dot(x0, 3.5)];
}

// stamp is the verdict itself: the one mark that fills its lane.
function stamp(mark, x) {
  const width = 30 + mark.label.length * 8;
  return [node('rect', { class: 'seal', x: x - width / 2, y: -12, width, height: 24, rx: 12 }), text(mark.label, x, 4.5, 'sealed')];
}

function spot(mark, x) {
  return [dot(x, 5), text(mark.label, x + 13, 4, 'label beside')];
}

// words stand above the arrow on one line, or in narrow lanes above and below it.
function words(mark, x, narrow) {
  const out = mark.shape === 'hairpin' ? 4 : 0; // how far the shape reaches from its middle
  const label = text(mark.label, x, -7 - out, 'label');
  if (!mark.detail) return [label];
  if (narrow) return [label, text(mark.detail, x, 14 + out, 'detail')];
  const detail = node('tspan', { class: 'detail', dx: 7 });
  detail.textContent = mark.detail;
  label.append(detail);
  return [label];
}

function line(x1, x2, dashed) {
  const look = dashed ? { class: 'stem dashed' } : { class: 'stem', pathLength: 1 };
  return node('path', { ...look, d: `M${x1} 0H${x2}` });
}
const tip = (x, y, way) => node('path', { class: 'tip', d: `M${x - 7 * way} ${y - 4.5}L${x} ${y}L${x - 7 * way} ${y + 4.5}` });
const dot = (x, r) => node('circle', { class: 'dot', cx: x, r });
