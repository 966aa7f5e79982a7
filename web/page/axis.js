// The time axis of the lanes: pure functions from times to places.

const shortest = 2000; // ms the axis spans at least
const steps = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 1_800_000];

// place puts marks on an axis from top to bottom that spans `end` ms: at their time where there is room, else `gap` apart
// (or as far as the height allows), in order. The axis is stretched to agree: y maps any time, and the ticks lie on it.
export function place(times, end, { top, bottom, gap }) {
  const span = Math.max(end, shortest, times.at(-1) ?? 0);
  const ys = spread(times.map((t) => top + (bottom - top) * (t / span)), { top, bottom, gap });
  const knots = [[0, top], ...times.map((t, i) => [t, ys[i]]), [span, bottom]];
  const y = (t) => along(knots, t);
  return { ys, y, ticks: ticks(span, y) };
}

// spread moves places apart: first down, away from the one before, then up where the last ones left the axis.
function spread(wanted, { top, bottom, gap }) {
  const step = Math.min(gap, (bottom - top) / Math.max(1, wanted.length - 1));
  const ys = [];
  for (const y of wanted) ys.push(Math.max(y, ys.length ? ys.at(-1) + step : top));
  for (let i = ys.length - 1, limit = bottom; i >= 0; i--) {
    ys[i] = Math.min(ys[i], limit);
    limit = ys[i] - step;
  }
  return ys;
}

function along(knots, t) {
  let i = 1;
  while (i < knots.length - 1 && knots[i][0] < t) i++;
  const [t0, y0] = knots[i - 1], [t1, y1] = knots[i];
  return t1 <= t0 ? y1 : y0 + (y1 - y0) * Math.min(1, Math.max(0, (t - t0) / (t1 - t0)));
}

function ticks(span, y) {
  const step = steps.find((s) => span / s <= 8) ?? span / 4;
  const list = [];
  for (let t = step; t < span; t += step) list.push({ t, y: y(t) });
  return list;
}
