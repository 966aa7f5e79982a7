import { Refusal, lookUp, newKey, submit, timeline } from './api.js';
import { now, pause, sleep } from './backoff.js';
import { createPhone } from './phone.js';
import { follow } from './push.js';
import { createRecent } from './recent.js';
import { scenarios } from './scenarios.js';
import { createScenes } from './scenes.js';
import { figures } from './timeline.js';

const $ = (id) => document.getElementById(id);
const recent = createRecent();
const scenes = createScenes(document, now);
const phone = createPhone($('phone'), { pay, again, open });

let shown = null; // the payment on the screen
let entries = []; // of the shown payment's timeline
let stream = null; // over which the shown payment's verdict is pushed
let watching = new AbortController(); // ends the look behind the scenes when another payment is shown
let online = true;

const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;

// pay begins a payment: it is on the shelf with its key before the first try.
function pay({ amount, recipient }) {
  const scenario = chosen('misfortune');
  const { simulate, taps = 1, leaves = false } = scenarios[scenario];
  const payment = {
    key: newKey(), amount, recipient, scenario, status: 'pending', tapped: now(), requests: [], away: [], leaves,
    body: JSON.stringify({ operation: 'transfer', payload: { amount, currency: 'XOF', recipient, simulate } }),
  };
  recent.add(payment);
  for (let i = 0; i < taps; i++) send(payment);
  phone.tap(taps);
  show(payment);
}

// send submits the payment under its key; sending it more than once is what the key is for.
async function send(payment) {
  payment.unsent = false;
  try {
    const { view, request } = await submit(payment.key, payment.body);
    payment.requests.push(request);
    acknowledged(payment, view);
  } catch (error) {
    if (payment.id) return; // another of its requests has arrived
    if (error instanceof Refusal && error.status < 500) Object.assign(payment, { status: 'refused', reason: error.message });
    else payment.unsent = true;
  }
  changed(payment);
}

function acknowledged(payment, view) {
  payment.unsent = false;
  if (payment.id) return;
  payment.id = view.id;
  if (payment === shown) begin(payment);
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
  stream?.stop();
  stream = null;
  if (!online) comeBack();
}

// begin waits for the push and, beside it, looks behind the scenes.
function begin(payment) {
  watch(payment, watching.signal);
  if (payment.status !== 'pending') return;
  listen(payment);
  if (payment.leaves && !payment.away.length) leave(payment, watching.signal);
}

function listen(payment) {
  stream?.stop();
  stream = follow(chosen('transport'), payment.id, (view) => hear(payment, view));
}

// hear takes what was pushed.
function hear(payment, view) {
  Object.assign(payment, { stage: view.stage, reason: view.reason });
  if (view.status !== 'pending') {
    Object.assign(payment, { status: view.status, pushed: now() });
    look(payment, watching.signal).catch(() => {}); // watch looks again soon
  }
  changed(payment);
}

// leave takes the phone off the network until a moment after the verdict is known.
async function leave(payment, signal) {
  try {
    await sleep(500, signal);
    if (payment.status !== 'pending') return;
    stream.stop();
    online = false;
    payment.away.push([now(), null]);
    phone.online(false);
    changed(payment);
    while (!entries.some((e) => e.kind === 'verdict' || e.kind === 'review')) await sleep(100, signal);
    await sleep(1500, signal);
    comeBack();
    listen(payment);
    changed(payment);
  } catch {
    // another payment is shown; comeBack has been called
  }
}

function comeBack() {
  online = true;
  phone.online(true);
  const absence = shown?.away.at(-1);
  if (absence && !absence[1]) absence[1] = now();
  recent.save();
}

// watch reads the timeline while the payment is pending, and for a while after: late webhooks belong to the story.
async function watch(payment, signal) {
  let until = Infinity, failures = 0;
  while (!signal.aborted && now() < until) {
    try {
      await look(payment, signal);
      failures = 0;
      if (payment.status !== 'pending' && until === Infinity) until = now() + 7000;
      await sleep(until < Infinity ? 700 : payment.stage === 'review' ? 3000 : 300, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404) return forget(payment);
      await sleep(pause(++failures), signal).catch(() => {});
    }
  }
}

// look reads the timeline once. It throws when another payment has come to be shown meanwhile.
async function look(payment, signal) {
  const told = await timeline(payment.id, signal);
  signal.throwIfAborted();
  entries = told.entries;
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

// again is the button below a payment: a new one or, if this one never got through, another try.
function again() {
  if (!shown.unsent) return reset();
  send(shown);
  changed(shown);
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

// lookAfter asks now and then for the pending payments that aren't on the screen.
async function lookAfter() {
  for (;;) {
    await sleep(3000);
    for (const payment of recent.list.filter((p) => p.id && p !== shown && p.status === 'pending')) {
      try {
        const { status, stage, reason } = await lookUp(payment.id);
        Object.assign(payment, { status, stage, reason });
        changed(payment);
      } catch (error) {
        if (error.status === 404) forget(payment);
      }
    }
  }
}

// resume goes on with what was under way when the page was left.
function resume() {
  for (const payment of recent.list.filter((p) => p.status === 'pending')) {
    const absence = payment.away.at(-1);
    if (absence && !absence[1]) absence[1] = now();
    if (!payment.id) send(payment);
  }
  if (recent.list[0]?.status === 'pending') show(recent.list[0]);
}

function chooseMisfortune() {
  $('story').textContent = scenarios[chosen('misfortune')].story;
  if (shown && shown.status !== 'pending') reset();
}

$('misfortunes').addEventListener('change', chooseMisfortune);
$('transport').addEventListener('change', () => {
  if (online && shown?.id && shown.status === 'pending') listen(shown);
});
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
resume();
lookAfter();
