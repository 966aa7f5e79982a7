// Evidence that speaks against a verdict. It has changed nothing; what follows is for people to settle with the partner.

import { get } from './api.js';
import { h, keyed } from './dom.js';
import { address, shown } from './rows.js';
import { many, outcomes, sources } from './say.js';
import { moment } from './when.js';
import { raw } from './raw.js';

const page = 100;

export function createConflicts() {
  const heading = h('h1', {}, 'Conflicts');
  const list = h('ol', { class: 'conflicts' });
  const button = h('button', { type: 'button', hidden: true, onclick: () => readMore() }, 'Show more');
  const element = h('div', {},
    heading,
    h('p', { class: 'lead' }, 'What partners said against a verdict that stood, or before it came. A verdict is final: none of this has changed one.'),
    list, h('p', { class: 'note' }, button));
  let limit = page, readMore = () => {};

  async function refresh(figures, signal) {
    readMore = () => { limit += page; refresh(figures, signal).catch(() => {}); };
    const { conflicts, next } = await get(`/v1/conflicts?limit=${Math.min(limit, 500)}`, signal);
    const all = figures?.backlog.conflicts ?? conflicts.length;
    heading.textContent = all ? many(all, 'conflict') : 'No conflicts';
    button.hidden = !next || limit >= 500;
    keyed(list, conflicts, (c) => c.number, draw);
  }
  return { title: 'Conflicts', element, refresh };
}

function draw({ transaction: t, evidence: e }) {
  return h('li', {},
    h('p', { class: 'headline' }, shown(t), h('a', { href: address(t.id) }, t.key), h('span', { class: 'soft' }, t.provider)),
    h('p', {}, `${sources[e.source]} says `, h('strong', {}, outcomes[e.outcome]), e.reason && ` (${e.reason})`, h('span', { class: 'soft' }, ' · ', moment(e.at))),
    raw(e));
}
