import { forgetKey, get, hasKey } from './api.js';
import { createConflicts } from './conflicts.js';
import { createOverview } from './overview.js';
import { createReview } from './review.js';
import { sleep } from './time.js';
import { createTransaction } from './transaction.js';
import { createTransactions } from './transactions.js';
import { freshen } from './when.js';

const $ = (id) => document.getElementById(id);

const pages = { overview: createOverview, review: createReview, transactions: createTransactions, conflicts: createConflicts };
const pause = 5000; // ms between two looks at what may change
const fresh = 2500; // ms for which figures needn't be asked for again

let leaving = new AbortController(); // ends the page that is shown when another one is
let figures = null; // as they were told last

// route reads the address: #/page?what=else, or #/transactions/id.
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, id] = path.split('/').map(decodeURIComponent);
  return { name: name in pages ? name : 'overview', id: name === 'transactions' && id, query: new URLSearchParams(query) };
}

// open shows the page of the address until another is shown.
async function open() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving, { name, id, query } = route();
  const page = id ? createTransaction(id, say) : pages[name](say, query);
  for (const link of document.querySelectorAll('[data-page]')) {
    if (link.dataset.page === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${page.title} · Verdict`;
  say('');
  await look(page, signal); // what was there stays until there is something to show in its place
  if (signal.aborted) return;
  $('view').replaceChildren(page.element);
  $('view').focus({ preventScroll: true });
  scrollTo(0, 0);
  for (;;) {
    await nextLook(page.pause ?? pause, signal);
    if (signal.aborted) return;
    await look(page, signal);
  }
}

// look brings the page up to date, and says so if it can't.
async function look(page, signal) {
  try {
    await count(signal);
    await page.refresh(figures, signal);
    if (!signal.aborted) trouble('');
  } catch (error) {
    if (!signal.aborted) trouble(error.title ? `${error.title}. ${error.message}` : 'The gateway doesn’t answer. What you see is as it was.');
  }
}

// nextLook waits; while nobody looks it waits until somebody does.
async function nextLook(ms, signal) {
  await sleep(ms, signal).catch(() => {});
  while (document.hidden && !signal.aborted) {
    await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
  }
}

// count tells in the masthead what waits for a person.
async function count(signal) {
  if (figures && Date.now() - figures.read < fresh) return;
  figures = { ...await get('/v1/figures', signal), read: Date.now() };
  const { review, conflicts } = figures.backlog;
  badge($('review-count'), review);
  $('review-count').classList.toggle('quiet', !review);
  badge($('conflict-count'), conflicts);
  $('forget').hidden = !hasKey();
}

// badge says a number in three characters at the most, which is what it has room for.
function badge(element, n) {
  element.textContent = n > 99 ? '99+' : n;
}

function trouble(words) {
  $('trouble').textContent = words;
  $('trouble').hidden = !words;
}

// say tells what has been done, to the eye and the ear.
function say(words) {
  $('said').textContent = words;
}

$('quick').addEventListener('submit', (event) => {
  event.preventDefault();
  const words = $('quick-words').value.trim();
  if (words) location.hash = `#/transactions?${new URLSearchParams({ q: words })}`;
  $('quick-words').value = '';
});
$('forget').addEventListener('click', () => { forgetKey(); location.reload(); });
addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, dialog');
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  $('quick-words').focus();
});
addEventListener('hashchange', open);
setInterval(freshen, 1000);
open();
