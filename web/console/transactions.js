// Search. The address holds what is searched for, so that it can be handed on.

import { get } from './api.js';
import { h } from './dom.js';
import { createRows } from './rows.js';
import { many } from './say.js';
import { at } from './when.js';

const statuses = ['pending', 'succeeded', 'failed'], stages = ['accepted', 'sending', 'waiting', 'review', 'settled'];
const times = ['from', 'until'];

export function createTransactions(say, query) {
  const rows = createRows();
  const note = h('p', { class: 'note', role: 'status' });
  const back = h('button', { type: 'button', hidden: true, onclick: () => lookBack() }, 'Look further back');
  const partners = h('select', { name: 'provider' }, h('option', { value: '' }, 'any'));
  const form = h('form', { class: 'filters', onsubmit: submit },
    field('Id or key', h('input', { name: 'q', type: 'search', spellcheck: 'false', autocapitalize: 'off' })),
    field('Status', choice('status', statuses)), field('Stage', choice('stage', stages)), field('Partner', partners),
    ...times.map((name) => field(name === 'from' ? 'Accepted from' : 'until', h('input', { name, type: 'datetime-local' }))),
    h('button', { class: 'main' }, 'Find'));
  const element = h('div', {}, h('h1', {}, 'Transactions'), form, note, rows.element, h('p', { class: 'note' }, back));
  let found = [], looked = false, next = '', lookBack = () => {}, again = () => {};

  for (const [name, value] of query) {
    if (form.elements[name]) form.elements[name].value = times.includes(name) ? local(value) : value;
  }

  // submit has the address say what is searched for; what is empty isn't said. Where it says so already, it is searched for again.
  function submit(event) {
    event.preventDefault();
    const said = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value.trim()) said.set(name, times.includes(name) ? new Date(value).toISOString() : value.trim());
    }
    if (`${said}` === `${query}`) again();
    else location.hash = `#/transactions?${said}`;
  }

  async function search(below, signal) {
    return get(`/v1/search?${new URLSearchParams([...query, ...(below ? [['below', below]] : [])])}`, signal);
  }

  // refresh searches once: what was found stays as it is read, and the record isn't looked through for whoever leaves this open.
  async function refresh(figures, signal) {
    const failed = (error) => say(`Not found: ${error.message}`);
    lookBack = () => further(signal).catch(failed);
    again = () => first(signal).catch(failed);
    offer(figures);
    if (!looked) await first(signal);
  }

  async function first(signal) {
    show(await search('', signal), []);
    looked = true;
  }

  async function further(signal) {
    back.disabled = true;
    try {
      show(await search(next, signal), found);
    } finally {
      back.disabled = false;
    }
  }

  function show(page, before) {
    found = [...before, ...page.transactions];
    next = page.next ?? '';
    rows.show(found);
    back.hidden = !next;
    const all = page.transactions.length && !next ? '' : `${howFar(page, before.length > 0)} `;
    note.textContent = `${all}As of ${at(Date.now())}.`;
  }

  // offer lets one choose among the partners, and keeps one that isn't configured any more if it is searched for.
  function offer(figures) {
    const names = new Set([...figures.partners.map((p) => p.name), query.get('provider')].filter(Boolean));
    if (partners.options.length > names.size) return;
    const chosen = query.get('provider') ?? '';
    partners.replaceChildren(...['', ...names].map((name) => h('option', { value: name, selected: name === chosen }, name || 'any')));
  }

  return { title: 'Transactions', element, refresh };
}

// howFar says what was looked at for a page, and whether that was all.
function howFar({ transactions, looked, back, next }, goesOn) {
  const count = `${transactions.length || 'None'}${goesOn ? ' more' : ''} found among ${many(looked, 'transaction')}`;
  return `${count}${back ? `, back to ${at(back)}` : ''}.${next ? ' There may be some further back.' : ''}`;
}

const field = (name, input) => h('label', {}, h('span', {}, name), input);
const choice = (name, words) => h('select', { name }, h('option', { value: '' }, 'any'), ...words.map((word) => h('option', { value: word }, word)));

// local is a time as the field for one takes it.
function local(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '' : new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
