// The story of a transaction as data: pure functions from what is on record to what happened, in order.

import { many, outcomes } from './say.js';
import { at } from './when.js';

// tell returns what happened: each with a time, a title, a tone, and of evidence the evidence itself.
export function tell({ transaction: t, evidence, notices }) {
  const list = [
    { key: 'accepted', at: t.created_at, title: 'The app asks; it is on record' },
    ...sendings(t, evidence).map((at, i) => ({ key: `sent${i}`, at, title: `Verdict sends it to ${t.provider}` })),
    ...evidence.map((e, i) => ({ key: `evidence${i}`, at: e.at, ...heard(t, e), evidence: e })),
  ];
  if (t.settled_at) list.push({ key: 'verdict', at: t.settled_at, title: `The verdict: ${t.status}`, tone: tones[t.status], seal: true });
  else if (t.stage === 'review') list.push({ key: 'review', at: evidence.at(-1)?.at ?? t.created_at, title: 'For review by a person', tone: 'due', seal: true });
  if (t.told_at) list.push({ key: 'told', at: t.told_at, title: 'The app is told' });
  if (t.confirmed_at) list.push({ key: 'confirmed', at: t.confirmed_at, title: 'The app confirms that it has shown it' });
  list.push(...notices.map((n) => ({ key: `notice${n.number}`, at: n.told_at ?? n.tried_at ?? n.settled_at, ...noticed(n) })));
  return list.map((entry, i) => ({ ...entry, i })).sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || a.i - b.i);
}

const tones = { succeeded: 'good', failed: 'bad' };

// sendings are when it was sent: each reply knows its own, and the transaction the last, which may have none.
function sendings(t, evidence) {
  const replied = evidence.filter((e) => e.source === 'reply' && e.asked && e.asked !== t.sent_at).map((e) => e.asked);
  return t.sent_at ? [...replied, t.sent_at] : replied;
}

function heard(t, e) {
  const says = outcomes[e.outcome];
  const title = {
    reply: `${t.provider} replies: ${says}`, webhook: `A webhook comes: ${says}`, check: `Verdict asks ${t.provider}: ${says}`,
    operator: `A person settles it: ${says}`,
  }[e.source];
  if (e.conflict) return { title, tone: 'bad', remark: 'Contradicts the verdict. It is kept, and changes nothing.' };
  const late = t.settled_at && Date.parse(e.at) > Date.parse(t.settled_at);
  return { title, tone: late ? undefined : tones[e.outcome], remark: late ? 'After the verdict: it changes nothing.' : undefined };
}

// noticed is what a backend was told: the last attempt, and what follows.
function noticed({ endpoint, state, attempts, result, told_at: told, tried_at: tried, due }) {
  const title = told ? `The backend at ${endpoint} is told`
    : { pending: `The backend at ${endpoint} is yet to be told`, given_up: `The backend at ${endpoint} was not told: given up` }[state];
  const last = tried && `${many(attempts, 'attempt')}; the last at ${at(tried)}: ${result}.`;
  const ahead = due && Date.parse(due) > Date.now();
  const next = ahead ? `${told ? 'It is told again' : 'The next'} at ${at(due)}.` : due && 'It is due as soon as its endpoint is open.';
  return { title, tone: told ? undefined : { pending: 'due', given_up: 'bad' }[state], remark: [last, next].filter(Boolean).join(' ') };
}
