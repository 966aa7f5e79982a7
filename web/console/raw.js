// What a partner sent, word for word.

import { h } from './dom.js';
import { many } from './say.js';

const short = 600; // characters that are shown at once

// raw is an element with the bytes of a piece of evidence; null if there are none.
export function raw({ raw: text, raw_encoding: encoding }) {
  if (!text) return null;
  const shown = h('pre', { class: 'raw' }, text);
  if (encoding) return h('details', {}, h('summary', {}, `Bytes that are no text, in ${encoding}`), shown);
  if (text.length <= short) return shown;
  return h('details', {}, h('summary', {}, `What came, word for word: ${many(text.length, 'character')}`), shown);
}
