// Verdicts on strips, one for each way in which a verdict comes to be known. A dot is a verdict; the further right, the longer
// it took, on a scale of powers of ten. The bar is the middle: half of them took no longer.

import { h } from './dom.js';
import { lasting, sources } from './say.js';
import { address } from './rows.js';
import { node, text } from './svg.js';

const strip = 54; // px of height
const ticks = [10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000];
const tickWords = ['10 ms', '0.1 s', '1 s', '10 s', '1 min', '10 min', '1 h', '1 d'];

// createStrips returns a chart. show takes verdicts as the figures tell them.
export function createStrips() {
  const svg = node('svg', { class: 'strips', role: 'img', 'aria-label': 'Time to verdict by source; the list that follows says it in numbers' });
  const telling = h('ul', { class: 'legend' });
  const element = h('div', {}, svg, telling);
  let verdicts = [];
  new ResizeObserver(draw).observe(element);

  function show(next) {
    verdicts = next;
    draw();
  }

  function draw() {
    const strips = Object.keys(sources).map((source) => ({ source, of: verdicts.filter((v) => v.source === source) }));
    const width = element.clientWidth, height = strips.length * strip + 26, left = width < 560 ? 62 : 84, right = 12;
    svg.setAttribute('height', height);
    telling.replaceChildren(...strips.map(({ source, of }) => legend(source, of)));
    if (!width) return; // it isn't on the page yet, and takes its room there
    const x = scale(verdicts.map((v) => v.took_ms), left + 8, width - right);
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.replaceChildren(...grid(x, width, height, left), ...strips.flatMap((s, i) => drawStrip(s, i * strip, x, left, width)));
  }
  return { element, show };
}

// scale places times from the least to the greatest, and at least from 100 ms to 10 s, between two places.
function scale(times, from, to) {
  const least = Math.log10(Math.max(1, Math.min(100, ...times) * 0.9)), most = Math.log10(Math.max(10_000, ...times) * 1.15);
  return (ms) => from + ((to - from) * (Math.log10(Math.max(ms, 1)) - least)) / (most - least);
}

function grid(x, width, height, left) {
  return ticks.flatMap((t, i) => {
    const at = x(t);
    if (at < left + 6 || at > width - 18) return [];
    return [node('line', { class: 'tick', x1: at, x2: at, y1: 0, y2: height - 22 }), text(tickWords[i], at, height - 6, 'hour')];
  });
}

function drawStrip({ source, of }, y, x, left, width) {
  const middle = y + strip / 2;
  const line = node('line', { class: 'lane', x1: left, x2: width, y1: y + strip, y2: y + strip });
  const dots = of.map((v) => dot(v, x(v.took_ms), middle + (spread(v.transaction) - 0.5) * (strip - 18)));
  const parts = [line, text(sources[source], 0, middle + 4.5, 'name'), ...dots];
  if (!of.length) return [...parts, text('none lately', left + 12, middle + 4.5, 'none')];
  const half = x(share(of, 0.5));
  return [...parts, node('line', { class: 'half', x1: half, x2: half, y1: y + 7, y2: y + strip - 7 })];
}

// dot is a link to its transaction; not by the keyboard, for there are hundreds, and the lists have them too.
function dot(v, cx, cy) {
  const link = node('a', { href: address(v.transaction), tabindex: -1 });
  const title = node('title');
  title.textContent = `${v.provider}: ${v.status} after ${lasting(v.took_ms)}`;
  link.append(node('circle', { class: v.status, cx, cy, r: 3.4 }), title);
  return link;
}

function legend(source, of) {
  if (!of.length) return h('li', {}, h('strong', {}, sources[source]), ' none lately');
  return h('li', {}, h('strong', {}, sources[source]), ` ${of.length.toLocaleString('en')}: half within `, h('b', {}, lasting(share(of, 0.5))),
    ', nine in ten within ', h('b', {}, lasting(share(of, 0.9))));
}

// share is the time within which a share of verdicts was known.
function share(of, part) {
  const times = of.map((v) => v.took_ms).sort((a, b) => a - b);
  return times[Math.max(0, Math.ceil(part * times.length) - 1)];
}

// spread is a number from 0 to 1 that follows from an id, so that a dot stays where it is.
const spread = (id) => parseInt(id.slice(-4), 16) / 0xffff || 0;
