// The story and its axis as pure functions.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { place } from '../page/axis.js';
import { clockOffset, figures, instant, tell } from '../page/timeline.js';
import { digits, duration, inWords } from '../page/words.js';

const start = Date.parse('2026-01-01T12:00:00Z');
const at = (ms) => new Date(start + ms).toISOString();
const paid = (more = {}) => ({
  id: 'abcd-1234', status: 'succeeded', tapped: start, requests: [{ sent: start, acked: start + 3, code: 202 }], away: [], pushed: start + 402, ...more,
});
const entries = [
  { at: at(1), kind: 'accepted' }, { at: at(2), kind: 'sending' }, { at: at(400), kind: 'reply', outcome: 'succeeded', took_ms: 398 },
  { at: at(400), kind: 'verdict', outcome: 'succeeded' }, { at: at(1900), kind: 'webhook', outcome: 'succeeded' },
];
const labels = (story) => story.marks.map((m) => m.label);
const find = (story, label) => story.marks.find((m) => m.label === label);

describe('the story', () => {
  test('goes from the tap to the late webhook, cause before effect', () => {
    assert.deepEqual(labels(tell(paid(), entries)), ['pay', 'sent', 'acknowledged', 'reply: paid', 'paid', 'pushed', 'webhook: paid']);
  });

  test('says that a webhook after the verdict changes nothing, and a contradicting one is kept', () => {
    assert.equal(find(tell(paid(), entries), 'webhook: paid').detail, 'changes nothing');
    const other = { ...entries[4], outcome: 'failed', conflict: true };
    const mark = find(tell(paid(), [...entries.slice(0, 4), other]), 'webhook: declined');
    assert.deepEqual([mark.detail, mark.tone], ['contradicts; kept', 'bad']);
  });

  test('draws a reply that told nothing as one that did not arrive', () => {
    const story = tell(paid(), [...entries.slice(0, 2), { at: at(3000), kind: 'reply', outcome: 'unknown' }], '504 Timeout');
    assert.equal(find(story, '504 Timeout').shape, 'broken');
  });

  test('tells which "not found" was too early and which was final', () => {
    const story = tell(paid({ status: 'failed' }), [
      ...entries.slice(0, 2), { at: at(6000), kind: 'check', outcome: 'not_found' }, { at: at(36_000), kind: 'check', outcome: 'not_found' },
      { at: at(36_000), kind: 'verdict', outcome: 'failed' },
    ]);
    assert.deepEqual(story.marks.filter((m) => m.shape === 'hairpin').map((m) => m.detail), ['too early to count', 'final by now']);
  });

  test('shows both requests of a double tap and that they got the same transaction', () => {
    const twice = paid({ requests: [{ sent: start, acked: start + 4, code: 202, replayed: true }, { sent: start + 1, acked: start + 3, code: 202 }] });
    assert.deepEqual(labels(tell(twice, [])), ['pay', 'same key again', 'acknowledged', 'same transaction', 'pushed']);
    assert.equal(find(tell(twice, []), 'same transaction').detail, find(tell(twice, []), 'acknowledged').detail);
  });

  test('counts a push from the return of a phone that was away', () => {
    const story = paid({ pushed: start + 3010, away: [[start + 100, start + 3000]] });
    assert.equal(figures(story, entries).pushed, 10);
    assert.deepEqual(tell(story, entries).spans.at(-1), { kind: 'away', lane: 0, from: 'left0', to: 'back0' });
  });

  test('leaves the span of a busy partner open until it has answered', () => {
    assert.deepEqual(tell(paid(), entries.slice(0, 2)).spans, [{ kind: 'busy', lane: 2, from: 'sending1', to: null }]);
    assert.equal(tell(paid(), entries).spans[0].to, 'reply2');
  });

  test('has figures only for what has happened', () => {
    assert.deepEqual(figures(paid(), entries), { acked: 3, sends: 1, verdict: 400, pushed: 2 });
    assert.deepEqual(figures(paid({ requests: [], pushed: undefined, status: 'pending' }), []), { acked: null, sends: 0, verdict: null, pushed: null });
  });
});

describe('the clocks', () => {
  test('agree unless the record would lie outside its request', () => {
    assert.equal(clockOffset({ sent: 100, acked: 110 }, 105), 0);
    assert.equal(clockOffset({ sent: 100, acked: 110 }, 5000), -4890);
    assert.equal(clockOffset({ sent: 100, acked: 110 }, 10), 90);
    assert.equal(clockOffset(undefined, 10), 0);
  });

  test('keep fractions of a millisecond', () => {
    assert.ok(Math.abs(instant('2026-01-01T12:00:00.001750Z') - start - 1.75) < 0.001);
    assert.equal(instant('2026-01-01T12:00:00Z'), start);
  });
});

describe('the axis', () => {
  const box = { top: 70, bottom: 370, gap: 31 };
  const times = [0, 0.4, 1, 3, 400, 401, 402, 1900];

  test('keeps marks apart, in order and inside, wherever they fall', () => {
    for (const list of [times, [0, 1, 2], [0, 1, 36_000, 36_001, 36_002], Array(9).fill(5)]) {
      const { ys } = place(list, 0, box);
      ys.forEach((y, i) => {
        assert.ok(y >= box.top - 1e-9 && y <= box.bottom + 1e-9, `${y} of ${list}`);
        if (i) assert.ok(y - ys[i - 1] >= box.gap - 1e-9, `${ys} of ${list}`);
      });
    }
  });

  test('puts marks at their time where there is room', () => {
    const { ys } = place([0, 1000, 2000], 2000, box);
    assert.deepEqual(ys, [70, 220, 370]);
  });

  test('shares the height when there are too many marks', () => {
    const { ys } = place(Array.from({ length: 16 }, (_, i) => i), 0, box);
    assert.deepEqual([ys[0], ys.at(-1)], [70, 370]);
    assert.ok(Math.abs(ys[1] - ys[0] - 20) < 1e-9);
  });

  test('is one monotone scale for marks, ticks and now', () => {
    const plan = place(times, 5000, box);
    times.forEach((t, i) => { if (t > 0) assert.ok(Math.abs(plan.y(t) - plan.ys[i]) < 1e-9); });
    for (let t = 50, before = plan.y(0); t <= 5000; t += 50) {
      assert.ok(plan.y(t) >= before);
      before = plan.y(t);
    }
    assert.ok(plan.ticks.length >= 4 && plan.ticks.length <= 8);
    for (const tick of plan.ticks) assert.equal(tick.y, plan.y(tick.t));
  });

  test('grows with now', () => {
    assert.ok(place([0], 10_000, box).y(1000) < place([0], 3000, box).y(1000));
    assert.equal(place([0], 10_000, box).y(10_000), 370);
  });
});

describe('words', () => {
  test('write amounts in groups and read what was typed', () => {
    assert.equal(inWords('1250000'), '1\u202f250\u202f000\u00a0FCFA');
    assert.equal(digits('00 2\u202f500 F'), '2500');
    assert.equal(digits('-'), '');
  });

  test('write durations as one says them', () => {
    assert.deepEqual([0.44, 9.96, 431.2, 999.6, 9994, 9996, -3].map(duration), ['0.4\u00a0ms', '10\u00a0ms', '431\u00a0ms', '1.00\u00a0s', '9.99\u00a0s', '10.0\u00a0s', '0.0\u00a0ms']);
  });
});
