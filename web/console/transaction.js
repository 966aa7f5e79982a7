// One transaction: where it stands, what can be done about it, and all that was heard of it, word for word.

import { get } from './api.js';
import { checkButton, resolveButton } from './actions.js';
import { h, keyed } from './dom.js';
import { raw } from './raw.js';
import { shown } from './rows.js';
import { lasting } from './say.js';
import { tell } from './story.js';
import { at, moment } from './when.js';

export function createTransaction(id, say) {
  const head = h('div', { class: 'head' }), actions = h('div', { class: 'actions' });
  const facts = h('dl', { class: 'facts' }), story = h('ol', { class: 'story' }), ahead = h('p', { class: 'ahead' });
  const payload = h('div');
  const element = h('div', { class: 'transaction' },
    head, actions,
    h('div', { class: 'halves' },
      h('section', { class: 'card', 'aria-labelledby': 'story-title' }, h('h2', { id: 'story-title' }, 'What happened'), story, ahead),
      h('section', { class: 'card', 'aria-labelledby': 'facts-title' }, h('h2', { id: 'facts-title' }, 'What is known'), facts, payload)));
  const page = { title: 'Transaction', element, refresh, pause: 1500 };

  async function refresh(_, signal) {
    const file = await get(`/v1/transactions/${encodeURIComponent(id)}`, signal);
    const again = () => refresh(_, signal).catch(() => {}); // the next look says if it can't
    show(file, again);
  }

  function show(file, again) {
    const t = file.transaction;
    page.pause = t.status === 'pending' ? 1500 : 5000;
    keyed(head, [{ key: t.key, status: t.status, stage: t.stage, reason: t.reason }], () => 0, heading);
    keyed(actions, possible(t), (a) => a.does, ({ does, t }) => (does === 'check' ? checkButton : resolveButton)(t, say, again));
    keyed(facts, known(t), ([name]) => name, ([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)));
    keyed(payload, t.payload ? [t.payload] : [], () => 0, (p) => h('div', {}, h('h3', {}, 'What the app sent'), h('pre', { class: 'raw' }, JSON.stringify(p, null, 2))));
    keyed(story, tell(file), (e) => e.key, (e) => happening(e, t.created_at));
    ahead.textContent = t.due ? `Next: ${t.sends ? `${t.provider} is asked` : `it is sent to ${t.provider}`} at ${at(t.due)}` : '';
  }
  return page;
}

const heading = (t) => h('div', {}, h('h1', {}, t.key), h('p', { class: 'standing' }, shown(t), t.reason && h('span', {}, t.reason)));

// possible is what can be done about a transaction, and about which: a button speaks of what it does it to.
function possible({ id, key, provider, stage }) {
  const does = { waiting: ['check'], review: ['check', 'resolve'] }[stage] ?? [];
  return does.map((name) => ({ does: name, t: { id, key, provider } }));
}

const known = (t) => Object.entries({
  Id: t.id, Partner: t.provider, Operation: t.operation, Tenant: t.tenant, Owner: t.owner,
  'The partner’s reference': t.reference === t.id ? '' : t.reference,
  Sent: t.sends === 1 ? 'once' : t.sends ? `${t.sends} times` : 'not yet', 'Checks answered': t.checks ? String(t.checks) : '',
  'Verdict after': t.settled_at ? lasting(Date.parse(t.settled_at) - Date.parse(t.created_at)) : '',
}).filter(([, value]) => value);

function happening(e, began) {
  const after = Date.parse(e.at) - Date.parse(began);
  const took = e.evidence?.asked && lasting(Date.parse(e.at) - Date.parse(e.evidence.asked));
  return h('li', { class: `${e.tone ?? ''} ${e.seal ? 'seal' : ''}` },
    h('span', { class: 'offset' }, after ? `+${lasting(after)}` : '', h('span', { class: 'soft' }, moment(e.at))),
    h('div', { class: 'told' },
      h('p', { class: 'title' }, h('strong', {}, e.title), took && h('span', { class: 'soft' }, ` after ${took}`)),
      e.evidence?.reason && h('p', {}, e.evidence.reason),
      e.remark && h('p', { class: 'soft' }, e.remark),
      e.evidence?.wait_ms && h('p', { class: 'soft' }, `It asked us to stay away for ${lasting(e.evidence.wait_ms)}.`),
      e.evidence && raw(e.evidence)));
}
