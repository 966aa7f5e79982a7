// What transactions are and what is heard of them, in words.

import { duration } from './words.js';

export const outcomes = {
  succeeded: 'succeeded', failed: 'failed', pending: 'still pending', not_found: 'not found', unknown: 'nothing that tells',
  not_sent: 'not reached; nothing was sent',
};

export const sources = { reply: 'Reply', webhook: 'Webhook', check: 'Check', operator: 'Person' };

const stages = { accepted: 'to be sent', sending: 'being sent', waiting: 'pending', review: 'for review' };

// standing is where a transaction stands: its word, and its tone.
export function standing({ status, stage }) {
  if (status === 'pending') return { word: stages[stage] ?? stage, tone: stage === 'review' ? 'due' : 'open' };
  return { word: status, tone: status === 'succeeded' ? 'good' : 'bad' };
}

// many is a number of things in words.
export const many = (n, one, more = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : more}`;

// lasting is a time in ms that is known to the millisecond: without the zeros that say more.
export const lasting = (ms) => (ms < 1 ? 'under 1\u00a0ms' : duration(ms).replace(/\.0+(?=\s)/, ''));
