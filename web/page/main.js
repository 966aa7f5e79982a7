import { Refusal, lookUp, newKey, submit, timeline } from './api.js';
import { now, pause, sleep } from './backoff.js';
import { createLanes } from './lanes.js';
import { createPhone } from './phone.js';
import { follow } from './push.js';
import { createRecent } from './recent.js';
import { example, scenarios } from './scenarios.js';
import { figures, tell } from './timeline.js';
import { duration } from './words.js';

const $ = (id) => document.getElementById(id);
const recent = createRecent();
const lanes = createLanes($('lanes'));
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
    const first = !payment.id;
    payment.id = view.id;
    if (first && payment === shown) begin(payment);
  } catch (error) {
    if (error instanceof Refusal && error.status < 500) Object.assign(payment, { status: 'refused', reason: error.message });
    else payment.unsent = true;
  }
  changed(payment);
}

// show puts a payment on the phone and its story beside it.
function show(payment) {
  leaveStage();
  shown = payment;
  entries = [];
  draw();
  phone.online(online);
  phone.show(payment, online);
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
    while (!entries.some((e) => e.kind === 'verdict')) await sleep(100, signal);
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
  again();
}

// changed keeps and shows what happened to a payment.
function changed(payment) {
  recent.save();
  phone.recent(recent.list, shown);
  if (payment !== shown) return;
  draw();
  phone.show(payment, online);
}

function again() {
  if (shown?.unsent) {
    send(shown);
    return changed(shown);
  }
  leaveStage();
  shown = null;
  phone.form();
  phone.recent(recent.list, shown);
}

function open(payment) {
  if (payment !== shown) show(payment);
}

function draw() {
  const payment = shown;
  const { silence } = scenarios[payment.scenario] ?? {};
  const story = tell(payment, entries, silence);
  $('lanes').classList.remove('idle');
  lanes.show(story, () => now() - payment.tapped);
  const { acked, sends, verdict, pushed } = figures(payment, entries);
  const said = { acked: time(acked), sends: sends ? ['', 'once', 'twice'][sends] ?? `${sends} times` : '–', verdict: time(verdict), pushed: time(pushed) };
  for (const [name, words] of Object.entries(said)) $(`figure-${name}`).textContent = words;
  if (pushed !== null && payment.delay !== pushed) {
    payment.delay = pushed;
    phone.show(payment, online);
    recent.save();
  }
  $('telling').replaceChildren(...story.marks.map((mark) => {
    const item = document.createElement('li');
    item.textContent = `${duration(mark.at)}: ${mark.text}`;
    return item;
  }));
}

const time = (ms) => (ms === null ? '–' : duration(ms));

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
        if (error.status === 404) recent.remove(payment);
      }
    }
  }
}

// resume goes on with what was under way when the page was left.
function resume() {
  const payment = recent.list[0];
  if (payment?.status !== 'pending') return;
  const absence = payment.away.at(-1);
  if (absence && !absence[1]) absence[1] = now();
  show(payment);
  if (!payment.id) send(payment);
}

function chooseMisfortune() {
  $('story').textContent = scenarios[chosen('misfortune')].story;
  if (shown && shown.status !== 'pending') again();
}

$('misfortunes').addEventListener('change', chooseMisfortune);
$('transport').addEventListener('change', () => { if (online && shown?.id && shown.status === 'pending') listen(shown); });
addEventListener('pagehide', () => {
  if (shown?.status !== 'pending' || !shown.id || !online) return;
  shown.away.push([now(), null]);
  recent.save();
});

lanes.show(tell(example.payment, example.entries), () => 0);
phone.recent(recent.list, shown);
chooseMisfortune();
resume();
lookAfter();
