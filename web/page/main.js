import { createClient } from './client/index.js';
import { requestsOf, timeline } from './behind.js';
import { createPhone } from './phone.js';
import { createRecent } from './recent.js';
import { scenarios } from './scenarios.js';
import { createScenes } from './scenes.js';
import { now, sleep } from './time.js';
import { figures } from './timeline.js';

const $ = (id) => document.getElementById(id);
const recent = createRecent();
const scenes = createScenes(document, now);
const phone = createPhone($('phone'), { pay, again: reset, open });

let client; // as an app has it; it sends, hears the verdicts, and comes back after being away
let followed = new Set(); // the payments that it brings news of
let shown = null; // the payment on the screen
let entries = []; // of the shown payment's timeline
let watching = new AbortController(); // ends the look behind the scenes when another payment is shown
let online = true;

const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;

// connect goes on with whatever is pending, from the last time or from before the phone was away.
async function connect() {
  client?.close();
  client = createClient({ url: location.origin, transport: chosen('transport') });
  followed = new Set();
  const current = client;
  const resumed = await current.resume();
  if (current !== client) return; // it has been closed meanwhile
  for (const payment of recent.list.filter((p) => p.status === 'pending')) {
    const tx = resumed.find(({ key }) => key === payment.key) ?? (payment.id && client.watch(payment.id));
    if (tx) follow(payment, tx);
    else forget(payment);
  }
}

// pay begins a payment. It can be sent more than once: that is what its key is for.
function pay({ amount, recipient }) {
  const scenario = chosen('misfortune');
  const { simulate, taps = 1, leaves = false } = scenarios[scenario];
  const tapped = now();
  performance.clearResourceTimings(); // the browser keeps 250, and requestsOf needs the next
  if (!online) comeBack();
  const order = { operation: 'transfer', payload: { amount, currency: 'XOF', recipient, simulate } };
  const tx = client.submit(order);
  for (let i = 1; i < taps; i++) client.submit({ ...order, key: tx.key });
  const payment = { key: tx.key, amount, recipient, scenario, status: 'pending', tapped, requests: [], away: [], leaves };
  recent.add(payment);
  follow(payment, tx);
  phone.tap(taps);
  setTimeout(show, 0, payment); // the request leaves before the page draws itself
}

// follow has the payment tell what becomes of its transaction.
function follow(payment, tx) {
  if (followed.has(payment)) return;
  followed.add(payment);
  const before = payment.requests.filter((r) => r.acked);
  const hear = () => {
    payment.requests = [...before, ...requestsOf(tx)];
    payment.unsent = tx.status === 'sending' && (payment.unsent || offline(tx.sendings));
    if (tx.id && !payment.id) acknowledged(payment, tx.id);
    if (tx.settled && payment.status === 'pending') settled(payment, tx);
    changed(payment);
  };
  tx.on('change', hear);
  hear();
}

// offline reports whether it is time to say that there is no network: it was tried in vain three times, or is known.
function offline(sendings) {
  return sendings.at(-1)?.lost && (!navigator.onLine || sendings.length > 2);
}

function acknowledged(payment, id) {
  payment.id = id;
  if (payment === shown) begin(payment);
}

function settled(payment, tx) {
  if (tx.error?.status === 404) return forget(payment);
  payment.status = tx.status;
  payment.reason = tx.error?.message ?? tx.transaction.reason;
  if (tx.error) return;
  payment.pushed = now();
  tx.confirm().catch(() => {}); // the phone shows it; else it comes again
  if (payment === shown) look(payment, watching.signal).catch(() => {}); // watch looks again soon
}

// show puts a payment on the phone and its story beside it.
function show(payment) {
  leaveStage();
  shown = payment;
  entries = [];
  draw();
  phone.online(online);
  phone.recent(recent.list, shown);
  if (payment.id) begin(payment);
}

function leaveStage() {
  watching.abort();
  watching = new AbortController();
  if (!online) comeBack();
}

// begin looks behind the scenes, and has the phone leave if that is its story.
function begin(payment) {
  watch(payment, watching.signal);
  if (payment.status === 'pending' && payment.leaves && !payment.away.length) leave(payment, watching.signal);
}

// leave takes the phone off the network until a moment after the verdict is known.
async function leave(payment, signal) {
  try {
    await sleep(500, signal);
    if (payment.status !== 'pending') return;
    client.close();
    online = false;
    payment.away.push([now(), null]);
    phone.online(false);
    changed(payment);
    while (!entries.some((e) => e.kind === 'verdict' || e.kind === 'review')) await sleep(100, signal);
    await sleep(1500, signal);
    comeBack();
    changed(payment);
  } catch {
    // another payment is shown; comeBack has been called
  }
}

function comeBack() {
  online = true;
  phone.online(true);
  for (const { away } of recent.list) {
    const absence = away.at(-1);
    if (absence && !absence[1]) absence[1] = now();
  }
  recent.save();
  connect();
}

// watch reads the timeline while the payment is pending, and for a while after: late webhooks belong to the story.
async function watch(payment, signal) {
  let until = Infinity, pause = 300;
  while (!signal.aborted && now() < until) {
    try {
      await look(payment, signal);
      if (payment.status !== 'pending' && until === Infinity) until = now() + 7000;
      pause = until < Infinity ? 700 : payment.stage === 'review' ? 3000 : 300;
    } catch {
      pause = Math.min(2 * pause, 10_000);
    }
    await sleep(pause, signal).catch(() => {});
  }
}

// look reads the timeline once. It throws when another payment has come to be shown meanwhile.
async function look(payment, signal) {
  const told = await timeline(payment.id, signal);
  signal.throwIfAborted();
  if (!told) return forget(payment);
  entries = told.entries;
  payment.stage = told.transaction.stage;
  draw();
}

// forget drops a payment that this gateway doesn't know: its record was another one's.
function forget(payment) {
  recent.remove(payment);
  if (payment === shown) reset();
  phone.recent(recent.list, shown);
}

// changed keeps and shows what happened to a payment.
function changed(payment) {
  recent.save();
  phone.recent(recent.list, shown);
  if (payment === shown) draw();
}

function reset() {
  leaveStage();
  shown = null;
  phone.form();
  phone.recent(recent.list, shown);
}

function open(payment) {
  if (payment !== shown) show(payment);
}

// draw shows the payment on the phone and behind the scenes.
function draw() {
  shown.delay = figures(shown, entries).pushed ?? shown.delay;
  scenes.show(shown, entries);
  phone.show(shown, online);
}

function chooseMisfortune() {
  $('story').textContent = scenarios[chosen('misfortune')].story;
  if (shown && shown.status !== 'pending') reset();
}

const setting = 'demo.transport';

function chooseTransport() {
  localStorage.setItem(setting, chosen('transport'));
  if (online) connect();
}

$('misfortunes').addEventListener('change', chooseMisfortune);
$('transport').addEventListener('change', chooseTransport);
addEventListener('pagehide', () => {
  if (shown?.status !== 'pending' || !shown.id || !online) return;
  shown.away.push([now(), null]);
  recent.save();
});
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload(); // out of the browser's memory, with dead connections
});

phone.recent(recent.list, shown);
chooseMisfortune();
if (localStorage.getItem(setting) === 'ws') document.querySelector('input[value=ws]').checked = true;
comeBack();
if (recent.list[0]?.status === 'pending') show(recent.list[0]);
