// A list of transactions, each a link to its page.

import { h, keyed } from './dom.js';
import { standing } from './say.js';
import { age } from './when.js';

// createRows returns a list. more(transaction) adds to a row what can be done about it.
export function createRows(more = () => []) {
  const element = h('ul', { class: 'rows' });
  return { element, show: (transactions) => keyed(element, transactions, (t) => t.id, (t) => row(t, more(t))) };
}

export const address = (id) => `#/transactions/${encodeURIComponent(id)}`;

// shown is a mark that says where a transaction stands.
export function shown(transaction) {
  const { word, tone } = standing(transaction);
  return h('span', { class: `mark ${tone}` }, word);
}

function row(t, actions) {
  return h('li', {},
    h('a', { class: 'row', href: address(t.id), 'data-does': 'open' },
      shown(t),
      h('span', { class: 'what' }, h('strong', {}, t.key), h('span', { class: 'id' }, t.id)),
      h('span', { class: 'who' }, h('span', {}, t.provider), h('span', { class: 'soft' }, whose(t))),
      h('span', { class: 'why' }, t.reason ?? ''),
      h('span', { class: 'time' }, age(t.created_at))),
    actions.length > 0 && h('div', { class: 'actions' }, actions));
}

// whose leaves out what says nothing: where nobody is asked, all transactions are of the same owner.
export const whose = (t) => (t.tenant === 'default' && t.owner === 'app' ? t.operation : `${t.tenant}, ${t.owner}`);
