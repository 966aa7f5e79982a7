// What can be done about a transaction.

import { post } from './api.js';
import { h } from './dom.js';
import { resolve } from './resolve.js';

const path = (t) => `/v1/transactions/${encodeURIComponent(t.id)}`;

// checkButton has the partner asked at once. done is called when that is on record.
export function checkButton(t, say, done) {
  const button = h('button', { type: 'button', 'data-does': 'check', onclick: check }, 'Check now');
  async function check() {
    button.disabled = true;
    try {
      const { transaction } = await post(`${path(t)}/check`);
      say(transaction.stage === 'waiting' ? `${t.provider} is asked now about ${t.key}.` : `There is nothing to ask about ${t.key}.`);
      await done();
    } catch (error) {
      say(`Not asked: ${error.message}`);
    }
    button.disabled = false;
  }
  return button;
}

// resolveButton settles a transaction on somebody's word, once they have said how they know and that they are sure.
export function resolveButton(t, say, done) {
  return h('button', { type: 'button', 'data-does': 'resolve', onclick: () => resolve(t, save) }, 'Resolve…');

  async function save(word) {
    await post(`${path(t)}/resolve`, word);
    say(`${t.key} is settled as ${word.status}. Its app is told.`);
    await done();
  }
}
