// How it stands with telling the backend of an app.

import { h } from './dom.js';
import { many } from './say.js';
import { at, moment } from './when.js';

export function drawEndpoint(e) {
  const [word, tone] = standing(e);
  return h('li', {},
    h('p', { class: 'headline' }, h('strong', {}, e.name), h('span', { class: `mark ${tone}` }, word)),
    !e.configured && h('p', {}, 'This gateway isn’t configured to tell it. Add it again, or drop it: ', h('code', {}, `verdict notify drop ${e.name}`)),
    e.reason && h('p', {}, `The backend ${e.reason}.`),
    h('p', {}, e.pending ? [`${many(e.pending, 'verdict waits', 'verdicts wait')}, the longest since `, moment(e.oldest_verdict)] : 'Nothing waits to be told.'),
    e.given_up > 0 && h('p', { class: 'soft' }, `${many(e.given_up, 'notice was', 'notices were')} given up, ever.`));
}

function standing(e) {
  if (!e.configured) return ['not configured', 'bad'];
  if (e.disabled) return ['closed until it is enabled', 'bad'];
  return e.paused_until ? [`closed until ${at(e.paused_until)}`, 'due'] : ['open', 'good'];
}
