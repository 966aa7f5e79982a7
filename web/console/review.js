// The queue of what partners left open: ask again, or say what became of it.

import { get } from './api.js';
import { checkButton, resolveButton } from './actions.js';
import { h } from './dom.js';
import { createRows } from './rows.js';
import { many } from './say.js';

const page = 100;

export function createReview(say) {
  const heading = h('h1', {}, 'For review');
  const more = h('p', { class: 'note' });
  let look = () => {};
  const rows = createRows((t) => (t.gone ? [h('p', { class: 'soft' }, t.gone)] : [checkButton(t, say, () => look()), resolveButton(t, say, () => look())]));
  let shown = [];
  const element = h('div', {},
    heading,
    h('p', { class: 'lead' }, 'The partner was asked often enough and gave no verdict. Their apps see them as pending. Find out what became of each, at the partner’s own desk or on its statement, and say so; a late webhook still settles them.'),
    h('div', { class: 'queue' }, rows.element), more);

  async function refresh(figures, signal) {
    look = () => refresh(null, signal).catch(() => {}); // after something was done; the next look says if it can't
    const { transactions, next } = await get(`/v1/transactions?stage=review&limit=${page}`, signal);
    heading.textContent = transactions.length ? `${many(transactions.length, 'transaction')}${next ? ' and more' : ''} for review` : 'Nothing is for review';
    more.textContent = next ? `These are the ${page} that have waited longest. The others follow as these are settled.` : '';
    shown = shown.length < 2 * page ? inPlace(shown, transactions, next ? 'Not among these any more' : 'No longer for review') : transactions;
    rows.show(shown);
  }
  return { title: 'Review', element, refresh };
}

// inPlace is the queue as it is now, with what has left it in its place, and a word on that: no row moves while a hand is on its
// way to a button.
function inPlace(shown, queue, gone) {
  const now = new Map(queue.map((t) => [t.id, t]));
  const stayed = shown.map((t) => now.get(t.id) ?? { ...t, gone }), before = new Set(shown.map((t) => t.id));
  return [...stayed, ...queue.filter((t) => !before.has(t.id))];
}
