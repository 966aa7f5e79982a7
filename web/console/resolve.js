// The dialog in which a person settles a transaction: first what they found out and how, then whether they are sure.

import { h } from './dom.js';

// resolve asks, and calls save({status, reason}) once that is confirmed. save throws if it can't be done, and the dialog stays.
export function resolve(transaction, save) {
  const before = document.activeElement;
  const dialog = h('dialog', { class: 'resolve', 'aria-labelledby': 'resolve-title' });
  const word = { status: '', reason: '' };
  dialog.append(first());
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (before.isConnected) before.focus();
    else document.getElementById('view').focus();
  });
  document.body.append(dialog);
  dialog.showModal();

  function first() {
    const reason = h('textarea', { name: 'reason', rows: 3, required: true, maxlength: 2000 });
    reason.value = word.reason;
    return h('form', { class: 'ask', onsubmit: next },
      h('h2', { id: 'resolve-title' }, 'What became of it?'),
      about(transaction),
      h('fieldset', { class: 'choice' }, h('legend', { class: 'unseen' }, 'What became of it?'),
        option('succeeded', 'It succeeded', 'the money has moved'), option('failed', 'It failed', 'no money has moved, and none will')),
      h('label', {}, 'How do you know?', reason, h('span', { class: 'soft' }, 'Kept with the transaction for good. The app isn’t shown it.')),
      buttons(h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), h('button', { class: 'main' }, 'Continue')));
  }

  function next(event) {
    event.preventDefault();
    const said = new FormData(event.target);
    word.status = said.get('status');
    word.reason = said.get('reason').trim();
    if (word.reason) turn(second());
  }

  function second() {
    const fault = h('p', { class: 'fault', role: 'alert' });
    const settle = h('button', { class: `main ${word.status}` }, `Yes, it ${word.status}`);
    return h('form', { class: 'ask', onsubmit: confirm },
      h('h2', { id: 'resolve-title' }, `Settle it as ${word.status}, for good?`),
      about(transaction),
      h('ul', { class: 'effects' },
        h('li', {}, `The app is told at once that it ${word.status}, and acts on it.`),
        h('li', {}, 'This is final. It can’t be taken back or changed, here or anywhere.'),
        h('li', {}, `Should ${transaction.provider} say otherwise later, that is shown as a conflict and changes nothing.`)),
      h('blockquote', {}, word.reason),
      buttons(h('button', { type: 'button', onclick: () => turn(first()) }, 'Back'), settle),
      fault); // the last, so that it pushes nothing when it comes

    async function confirm(event) {
      event.preventDefault();
      settle.disabled = true;
      try {
        await save(word);
        dialog.close();
      } catch (error) {
        fault.textContent = error.title ? `${error.title}. ${error.message}` : 'No answer came. Look at the transaction before you try again: it may be settled.';
        settle.disabled = false;
      }
    }
  }

  // turn shows another step, with the focus on its heading, so that Enter alone settles nothing.
  function turn(step) {
    dialog.replaceChildren(step);
    const heading = step.querySelector('h2');
    heading.tabIndex = -1;
    heading.focus();
  }

  function option(value, title, remark) {
    return h('label', {}, h('input', { type: 'radio', name: 'status', value, required: true, checked: word.status === value }),
      h('span', {}, h('strong', {}, title), h('span', { class: 'soft' }, remark)));
  }
}

const about = (t) => h('p', { class: 'about' }, h('strong', {}, t.key), ` at ${t.provider}`);
const buttons = (...list) => h('div', { class: 'buttons' }, list);
