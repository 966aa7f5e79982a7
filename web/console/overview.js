// How things stand: what needs a person, how verdicts come, whether partners let themselves be asked, and backends be told.

import { get } from './api.js';
import { createBars } from './bars.js';
import { h, keyed } from './dom.js';
import { drawEndpoint } from './endpoint.js';
import { drawPartner } from './partner.js';
import { lasting, many } from './say.js';
import { createStrips } from './strips.js';
import { at } from './when.js';

export function createOverview() {
  const heading = h('h1'), figures = h('dl', { class: 'figures' });
  const strips = createStrips(), bars = createBars(), since = h('p', { class: 'soft' }), each = h('p', { class: 'soft' });
  const partners = h('ul', { class: 'partners' }), endpoints = h('ul', { class: 'partners endpoints' });
  const asked = h('section', { class: 'card all', 'aria-labelledby': 'partners-title' }, h('h2', { id: 'partners-title' }, 'Partners'), partners);
  const backends = h('section', { class: 'card', 'aria-labelledby': 'backends-title', hidden: true }, h('h2', { id: 'backends-title' }, 'Backends'), endpoints);
  const element = h('div', { class: 'overview' },
    heading, figures,
    h('section', { class: 'card', 'aria-labelledby': 'strips-title' },
      h('div', { class: 'cardhead' }, h('h2', { id: 'strips-title' }, 'Time to verdict, by what told it'), since), strips.element),
    h('section', { class: 'card', 'aria-labelledby': 'bars-title' }, h('div', { class: 'cardhead' }, h('h2', { id: 'bars-title' }, 'Verdicts'), each), bars.element),
    asked, backends);

  async function refresh(now, signal) {
    const { endpoints: told } = await get('/v1/endpoints', signal);
    heading.replaceChildren(...headline(now));
    keyed(figures, numbers(now), (n) => n.name, number);
    since.textContent = `all ${many(now.verdicts.length, 'verdict')} since ${at(now.verdicts_since)}`;
    strips.show(now.verdicts);
    each.textContent = `a bar is ${lasting(bars.show(now.verdicts, Date.parse(now.verdicts_since), Date.parse(now.at)))}`;
    keyed(partners, now.partners, (p) => p.name, drawPartner);
    keyed(endpoints, told, (e) => e.name, drawEndpoint);
    backends.hidden = !told.length; // what there is none of takes no room
    asked.classList.toggle('all', backends.hidden);
  }
  return { title: 'Overview', element, refresh };
}

// headline says the worst first, and in a softer voice what is under way.
function headline({ backlog, ailing, not_ready: notReady, partners }) {
  const [ail] = Object.entries(ailing), closed = partners.filter((p) => p.circuit !== 'closed').map((p) => p.name);
  const soft = (words) => [' ', h('span', {}, words)];
  const under = soft(`${backlog.commands.toLocaleString('en')} under way.`);
  if (notReady) return ['This instance takes no requests.', ...soft(`It says: ${notReady}.`)];
  if (ail) return [`Not all is well with this instance’s ${ail[0]}.`, ...soft(`It says: ${ail[1]}.`)];
  if (backlog.review) return [`${many(backlog.review, 'transaction needs', 'transactions need')} a person.`, ...under];
  if (closed.length) return [`${closed.join(' and ')} refuse${closed.length > 1 ? '' : 's'} checks.`, ...under];
  return ['Nothing needs you.', ...under];
}

function numbers({ backlog, streams }) {
  const listening = Object.values(streams).reduce((sum, n) => sum + n, 0);
  const by = Object.entries(streams).filter(([, n]) => n).map(([name, n]) => `${n} by ${{ sse: 'SSE', ws: 'WebSocket' }[name] ?? name}`);
  return [
    { name: 'For review', n: backlog.review, href: '#/review', tone: backlog.review ? 'due' : '', remark: 'wait for a person' },
    { name: 'Under way', n: backlog.commands, href: '#/transactions?status=pending', remark: 'to be sent or asked about' },
    { name: 'Conflicts', n: backlog.conflicts, href: '#/conflicts', remark: 'ever; they change no verdict' },
    { name: 'Apps listening', n: listening, remark: by.join(', ') || 'to this instance' },
    ...(backlog.parked ? [{ name: 'Parked webhooks', n: backlog.parked, remark: 'of no transaction known yet' }] : []),
  ];
}

function number({ name, n, href, tone, remark }) {
  const words = n.toLocaleString('en');
  return h('div', { class: tone }, h('dt', {}, name), h('dd', {}, href ? h('a', { href }, words) : words), h('dd', { class: 'soft' }, remark));
}
