// How a partner fares: whether it lets itself be asked, and how much of its budget of checks the last hour took.

import { h } from './dom.js';
import { lasting, many } from './say.js';
import { node } from './svg.js';
import { at } from './when.js';

const circuits = { closed: ['answers', 'good'], open: ['refuses checks', 'bad'], 'half-open': ['is tried again', 'due'] };
const hour = 3_600_000;

export function drawPartner(p) {
  const [word, tone] = circuits[p.circuit];
  const until = p.circuit === 'open' && p.circuit_until ? ` until ${at(p.circuit_until)}` : '';
  return h('li', {},
    h('p', { class: 'headline' }, h('strong', {}, p.name), h('span', { class: `mark ${tone}` }, word + until)),
    budget(p),
    h('p', { class: 'soft' }, [price(p), p.refusals ? `It has refused ${many(p.refusals, 'call')}, ever.` : 'It has never refused a call.'].filter(Boolean).join(' ')));
}

// budget is a bar: the checks of the last hour, of those that there could have been.
function budget({ name, checks_last_hour: made, budget: { checks, window_ms: window } }) {
  if (!checks) return h('p', {}, `${many(made, 'check')} in the last hour, as many as one likes.`);
  const could = Math.floor((checks * hour) / window), used = Math.min(1, made / could);
  const bar = node('svg', { class: 'bar', viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  bar.append(node('rect', { class: 'all', width: 100, height: 6 }), node('rect', { class: used > 0.9 ? 'full' : 'used', width: made ? Math.max(1, 100 * used) : 0, height: 6 }));
  return h('div', { class: 'budget', 'data-partner': name }, bar,
    h('p', {}, `${many(made, 'check')} in the last hour`, h('span', { class: 'soft' }, ` of ${could.toLocaleString('en')}; ${checks} in any ${lasting(window)}`)));
}

// price says whether the budget is short: checks cost more then.
function price({ price_ms: price, least_price_ms: least }) {
  if (!price) return '';
  const short = price > least ? ', because the budget is short' : '';
  return `It is asked early where that saves a user ${lasting(price)}${short}.`;
}
