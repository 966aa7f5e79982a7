// The story of a payment as data: pure functions from what the page and the gateway saw to marks. axis.js places them,
// lanes.js draws them.

import { duration } from './words.js';

export const app = 0, verdict = 1, partner = 2; // the lanes

const words = {
  succeeded: 'paid', failed: 'declined', pending: 'still pending', not_found: 'not found', unknown: 'no answer', not_sent: 'not reached',
};
const tones = { succeeded: 'good', failed: 'bad' };

// clockOffset is what to add to the gateway's times to have them on the page's clock. The record was made between the
// request and its acknowledgement; within that, the clocks are taken to agree.
export function clockOffset(request, accepted) {
  if (!request || !accepted) return 0;
  return Math.min(Math.max(0, request.sent - accepted), request.acked - accepted);
}

// instant reads an RFC 3339 time as ms, with the fractions of a millisecond that Date.parse drops.
export function instant(time) {
  const rest = /\.\d{3}(\d+)/.exec(time)?.[1];
  return Date.parse(time) + (rest ? Number(`0.${rest}`) : 0);
}

// tell returns what happened to a payment:
//   marks  in order of time, each with `at` in ms since the tap,
//   spans  between two marks (to is null while they last): the partner is busy, the phone is away,
//   live   whether the story goes on.
// silence names, in the scenario's words, a reply that said nothing.
export function tell(payment, entries, silence = 'no answer') {
  const events = onPageClock(payment, entries);
  const settled = events.find((e) => e.kind === 'verdict');
  const marks = [
    ...requests(payment),
    ...absences(payment),
    ...events.map((e) => report(e, settled, silence)).filter(Boolean),
    ...push(payment, settled),
  ];
  marks.sort((a, b) => a.at - b.at || a.order - b.order);
  return { marks, spans: spans(payment, events), live: payment.status === 'pending' };
}

function onPageClock(payment, entries) {
  const accepted = entries.find((e) => e.kind === 'accepted');
  const offset = clockOffset(payment.requests.find((r) => r.acked && !r.replayed), accepted && instant(accepted.at));
  return entries.map((e, i) => ({ ...e, key: `${e.kind}${i}`, at: instant(e.at) + offset - payment.tapped }));
}

// requests are the app's calls and their answers. order keeps cause before effect when times are equal.
function requests(payment) {
  return payment.requests.flatMap((r, i) => {
    const call = {
      key: `post${i}`, at: r.sent - payment.tapped, order: 0, shape: r.lost ? 'broken' : 'arrow', from: app, to: verdict,
      label: i ? 'same key again' : 'pay',
      text: (i ? 'The app asks again with the same key' : 'The app asks to pay') + (r.lost ? '; no answer' : ''),
    };
    return r.acked ? [call, acknowledgement(payment, r, i)] : [call];
  });
}

function acknowledgement(payment, r, i) {
  const answer = { key: `ack${i}`, at: r.acked - payment.tapped, order: 2, shape: 'arrow', from: verdict, to: app };
  const took = duration(r.acked - r.sent);
  if (r.code >= 400) return { ...answer, tone: 'bad', label: 'refused', detail: `${r.code} in ${took}`, text: 'Verdict refuses it' };
  return {
    ...answer, label: r.replayed ? 'same transaction' : 'acknowledged',
    detail: payment.requests.length > 1 ? `${r.code}, …${payment.id.slice(-4)}` : `${r.code} in ${took}`,
    text: r.replayed ? 'Verdict answers with the same transaction' : 'Verdict has it on record and acknowledges',
  };
}

function absences(payment) {
  return payment.away.flatMap(([left, back], i) => {
    const dot = { shape: 'dot', from: app };
    const leaves = { ...dot, key: `left${i}`, at: left - payment.tapped, order: 3, tone: 'off', label: 'phone gone', text: 'The phone is gone' };
    const returns = { ...dot, key: `back${i}`, at: back - payment.tapped, order: 6, label: 'phone back', text: 'The phone is back' };
    return back ? [leaves, returns] : [leaves];
  });
}

function push(payment, settled) {
  if (!payment.pushed) return [];
  return [{
    key: 'pushed', at: payment.pushed - payment.tapped, order: 7, shape: 'arrow', from: verdict, to: app, tone: tones[payment.status],
    label: 'pushed', detail: settled && `in ${duration(pushDelay(payment, settled))}`, text: 'Verdict pushes the verdict to the app',
  }];
}

// pushDelay is how long the push took, from the verdict or, for a phone that was away, from its return.
function pushDelay(payment, settled) {
  const back = Math.max(0, ...payment.away.map(([, back]) => (back ?? 0) - payment.tapped));
  return payment.pushed - payment.tapped - Math.max(settled.at, back);
}

// reports say how each kind of entry looks: to and fro between Verdict and the partner, or a stamp on Verdict's lane.
const toPartner = { from: verdict, to: partner }, fromPartner = { from: partner, to: verdict };
const reports = {
  sending: () => ({ ...toPartner, order: 1, shape: 'arrow', label: 'sent', text: 'Verdict sends it to the partner' }),
  reply: (e) => answers[e.outcome]?.(e) ?? {
    ...fromPartner, shape: 'arrow', label: `reply: ${e.word}`,
    detail: e.remark || (e.took_ms > 0 && `after ${duration(e.took_ms)}`), text: `The partner replies: ${e.word}`,
  },
  webhook: (e) => ({
    ...fromPartner, shape: 'arrow', dashed: true, label: `webhook: ${e.word}`, detail: e.remark,
    text: ['A webhook comes: ' + e.word, e.remark].filter(Boolean).join('; '),
  }),
  check: (e) => ({
    ...toPartner, shape: 'hairpin', label: `check: ${e.word}`,
    detail: e.remark || (e.outcome === 'not_found' && (e.final ? 'final by now' : 'too early to count')),
    text: `Verdict asks the partner: ${e.word}`,
  }),
  verdict: (e) => ({
    from: verdict, order: 5, shape: 'verdict', label: e.outcome === 'failed' ? 'not paid' : 'paid', text: `The verdict: ${e.outcome}`,
  }),
  confirmed: () => ({ from: app, to: verdict, order: 8, shape: 'arrow', label: 'confirmed', text: 'The app confirms that it has shown it' }),
  review: () => ({ from: verdict, order: 5, shape: 'verdict', label: 'review', text: 'Asked often enough: a person looks into it' }),
};

// answers to a submit that are none.
const answers = {
  unknown: (e) => ({
    ...fromPartner, shape: 'broken', label: e.silence, detail: 'so: unknown',
    text: `The partner's reply: ${e.silence}. The outcome is unknown`,
  }),
  not_sent: (e) => ({
    ...toPartner, shape: 'broken', label: e.word, detail: 'nothing sent', text: 'The partner is not reached; nothing was sent',
  }),
};

// report is the mark of one entry; none for "accepted", which the acknowledgement tells.
function report(e, settled, silence) {
  if (!reports[e.kind]) return null;
  const late = settled && e.at > settled.at;
  const said = {
    ...e, silence, word: words[e.outcome] ?? '',
    remark: e.conflict ? 'contradicts; kept' : late ? 'changes nothing' : '',
    final: settled?.outcome === 'failed' && settled.at === e.at, // evidence and its verdict have the same time
  };
  const tone = e.conflict ? 'bad' : late ? undefined : tones[e.outcome];
  return { key: e.key, at: e.at, order: 4, tone, ...reports[e.kind](said) };
}

function spans(payment, events) {
  const busy = events.filter((e) => e.kind === 'sending').map((sent) => {
    const answer = events.find((e) => e.kind === 'reply' && e.at >= sent.at);
    return { kind: 'busy', lane: partner, from: sent.key, to: answer?.key ?? null };
  });
  const away = payment.away.map(([, back], i) => ({ kind: 'away', lane: app, from: `left${i}`, to: back ? `back${i}` : null }));
  return [...busy, ...away];
}

// figures returns the four numbers worth remembering, in ms and null where there is none yet; sends is a count.
export function figures(payment, entries) {
  const events = onPageClock(payment, entries);
  const settled = events.find((e) => e.kind === 'verdict');
  const first = payment.requests.find((r) => r.acked);
  return {
    acked: first ? first.acked - first.sent : null,
    sends: events.filter((e) => e.kind === 'sending').length,
    verdict: settled ? settled.at : null,
    pushed: payment.pushed && settled ? pushDelay(payment, settled) : null,
  };
}
