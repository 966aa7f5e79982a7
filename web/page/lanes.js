// The swim-lanes: time runs down, one lane each for the app, Verdict and the partner. Marks glide to their places, and
// while the payment is pending the line of now moves and the axis grows.

import { place } from './axis.js';
import { drawMark } from './marks.js';
import { node, text } from './svg.js';
import { duration } from './words.js';

const names = ['App', 'Verdict', 'Partner'];
const head = 44; // px for the names of the lanes
const clear = 14; // px between two times on the axis
const still = matchMedia('(prefers-reduced-motion: reduce)');

// createLanes draws into an svg element. show takes a story from tell() and a clock: the ms since the tap.
export function createLanes(svg) {
  const layers = Object.fromEntries(['grid', 'axis', 'marks', 'names'].map((name) => [name, svg.appendChild(node('g'))]));
  const drawn = new Map(); // by the mark's key: its group, where it is, and what it says
  let story = { marks: [], spans: [], live: false }, clock = () => 0, size, waiting = false;

  new ResizeObserver(resize).observe(svg);

  function resize() {
    size = measure(svg);
    drawn.clear();
    layers.marks.replaceChildren();
    layers.names.replaceChildren(...names.map((name, i) => badge(name, i, size)));
    frame();
  }
  function show(next, time) {
    story = next;
    clock = time;
    schedule();
  }
  function schedule() {
    if (waiting || !size) return;
    waiting = true;
    const next = () => { waiting = false; frame(); };
    if (still.matches) setTimeout(next, 250);
    else requestAnimationFrame(next);
  }
  function frame() {
    const end = story.live ? clock() : story.marks.at(-1)?.at ?? 0;
    const bottom = size.height - (story.live ? 30 : 22);
    const plan = place(story.marks.map((m) => m.at), end, { top: head + 26, bottom, gap: size.gap });
    const moving = moveMarks(plan);
    const now = story.live ? plan.y(end) : null;
    drawGrid(now);
    drawAxis(plan, now, end);
    if (story.live || moving) schedule();
  }

  // moveMarks brings each mark nearer to its place and reports whether any is still on the way.
  function moveMarks(plan) {
    const gone = new Set(drawn.keys());
    let moving = false;
    story.marks.forEach((mark, i) => {
      gone.delete(mark.key);
      const entry = upToDate(mark, plan.ys[i]);
      const left = plan.ys[i] - entry.y;
      entry.y = still.matches || Math.abs(left) < 0.3 ? plan.ys[i] : entry.y + left * 0.18;
      moving ||= entry.y !== plan.ys[i];
      entry.group.setAttribute('transform', `translate(0 ${entry.y.toFixed(1)})`);
    });
    for (const key of gone) {
      drawn.get(key).group.remove();
      drawn.delete(key);
    }
    return moving;
  }

  // upToDate returns a mark as drawn, drawing it anew if it says something else now.
  function upToDate(mark, y) {
    const says = JSON.stringify(mark);
    const before = drawn.get(mark.key);
    if (before?.says === says) return before;
    const group = drawMark(mark, size);
    if (before) {
      group.classList.remove('new');
      before.group.replaceWith(group);
    } else {
      layers.marks.append(group);
    }
    const entry = { group, says, y: before?.y ?? y };
    drawn.set(mark.key, entry);
    return entry;
  }

  // drawGrid draws the lanes, and on them the spans between marks, from where the marks are now.
  function drawGrid(now) {
    const foot = size.height - 6;
    const lines = size.lanes.map((x, i) => node('line', { class: `lane lane${i}`, x1: x, x2: x, y1: head, y2: foot }));
    const spans = story.spans.flatMap(({ kind, lane, from, to }) => {
      const y1 = drawn.get(from)?.y, y2 = drawn.get(to)?.y ?? now;
      if (y1 === undefined || y2 === null) return [];
      const x = size.lanes[lane], open = to ? '' : ' open';
      return [node('line', { class: kind + open, x1: x, x2: x, y1: y1 + 4, y2: Math.max(y1, y2 - 4) })]; // 4 for the round ends
    });
    layers.grid.replaceChildren(...lines, ...spans);
  }

  // drawAxis writes the times that leave each other room: those of the marks before now, and now before the ticks.
  function drawAxis(plan, now, end) {
    const taken = [...drawn.values()].map((entry) => entry.y);
    const free = (y) => taken.every((other) => Math.abs(other - y) >= clear);
    const parts = [];
    if (now !== null) {
      parts.push(node('line', { class: 'now', x1: size.gutter + 8, x2: size.width, y1: now, y2: now }));
      if (free(now)) parts.push(text(duration(end), size.gutter, now + 4, 'time'));
      taken.push(now);
    }
    for (const { t, y } of plan.ticks) {
      if (free(y) && (now === null || y < now)) parts.push(text(`${t / 1000}\u00a0s`, size.gutter, y + 4, 'hour'));
    }
    layers.axis.replaceChildren(...parts);
  }

  return { show };
}

// measure lays the lanes across the room there is. gap is how far apart two marks stay legible.
function measure(svg) {
  const { width, height } = svg.getBoundingClientRect();
  const narrow = width < 560;
  const gutter = narrow ? 46 : 58;
  const first = gutter + (narrow ? 34 : 60), last = width - (narrow ? 34 : 50);
  return { width, height, narrow, gutter, gap: narrow ? 42 : 31, lanes: [first, (first + last) / 2, last] };
}

function badge(name, lane, { lanes, narrow }) {
  const width = narrow ? 68 : 84;
  const group = node('g', { class: `name name${lane}` });
  group.append(node('rect', { x: lanes[lane] - width / 2, y: 6, width, height: 28, rx: 14 }), text(name, lanes[lane], 25, 'badge'));
  return group;
}
