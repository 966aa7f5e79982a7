import { digits, grouped, inWords, duration } from './words.js';

const rows = 3; // recent payments on the screen

// createPhone runs the app on the drawn phone. It calls on.pay({amount, recipient}), on.again() and on.open(payment).
export function createPhone(root, on) {
  const part = (name) => root.querySelector(`[data-part=${name}]`);
  const form = part('form'), receipt = part('receipt'), amount = part('amount'), recipient = part('recipient'), pay = part('pay');

  function label() {
    const value = digits(amount.value);
    amount.value = grouped(value);
    pay.textContent = value ? `Pay ${inWords(value)}` : 'Pay';
    pay.disabled = !value || !recipient.value.trim();
    part('initials').textContent = initials(recipient.value);
  }
  amount.addEventListener('input', label);
  recipient.addEventListener('input', label);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    on.pay({ amount: digits(amount.value), recipient: recipient.value.trim() });
  });
  part('again').addEventListener('click', () => on.again());
  label();

  const tick = () => { part('clock').textContent = new Date().toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }); };
  tick();
  setInterval(tick, 5000);

  function turn(page, back) {
    const focused = page.contains(document.activeElement);
    page.inert = true;
    back.inert = false;
    if (focused) back.querySelector('[data-first]').focus({ preventScroll: true });
  }

  return {
    // form shows the form, ready for the next payment.
    form() {
      root.dataset.state = 'form';
      turn(receipt, form);
    },
    // show shows where a payment stands. What is unchanged stays untouched, so that each state is announced once.
    show(payment, online) {
      const state = stateOf(payment, online);
      const [title, remark] = words(payment, state);
      root.dataset.state = state;
      root.dataset.payment = payment.id ?? '';
      write(part('title'), title);
      write(part('remark'), remark);
      write(part('sum'), inWords(payment.amount));
      write(part('whom'), `to ${payment.recipient}`);
      write(part('speed'), payment.delay == null ? '' : `Pushed here in ${duration(payment.delay)}`);
      turn(form, receipt);
    },
    // recent lists the newest payments; a focused one keeps the focus.
    recent(list, shown) {
      const focused = [...part('recent').querySelectorAll('button')].indexOf(document.activeElement);
      const items = list.slice(0, rows).map((payment) => row(payment, payment === shown, on.open));
      part('recent').replaceChildren(...(items.length ? items : [empty()]));
      items[focused]?.querySelector('button').focus({ preventScroll: true });
    },
    online(is) { root.dataset.link = is ? 'online' : 'offline'; },
    // tap shows thumbs on the pay button.
    tap(times) {
      for (let i = 0; i < times; i++) {
        const ring = document.createElement('span');
        ring.className = 'tap';
        ring.style.setProperty('--delay', `${i * 140}ms`);
        ring.addEventListener('animationend', () => ring.remove());
        part('taps').append(ring);
      }
    },
  };
}

// stateOf is a payment as its reader sees it.
export function stateOf(payment, online = true) {
  if (payment.status !== 'pending') return payment.status;
  if (!online) return 'offline';
  if (payment.unsent) return 'unsent';
  return payment.stage === 'review' ? 'review' : 'pending';
}

function words(payment, state) {
  switch (state) {
    case 'succeeded': return ['Paid', 'The money is there.'];
    case 'failed': return ['Not paid', sentence(payment.reason) || 'The partner declined.'];
    case 'refused': return ['Not accepted', sentence(payment.reason)];
    case 'offline': return ['No network', 'The payment goes on without you.'];
    case 'unsent': return ['No connection', 'It goes out as soon as there is one, and pays once.'];
    case 'review': return ['Being looked into', 'Somebody is asking the partner.'];
    default: return ['On its way', payment.id ? 'You can put the phone away.' : 'One moment.'];
  }
}

const short = { succeeded: 'Paid', failed: 'Not paid', refused: 'Not accepted', review: 'In review', pending: 'On its way', unsent: 'Not sent' };

function row(payment, current, open) {
  const item = document.createElement('li');
  const button = item.appendChild(document.createElement('button'));
  button.type = 'button';
  button.dataset.state = stateOf(payment);
  if (current) button.setAttribute('aria-current', 'true');
  button.append(
    span('who', payment.recipient), span('sum', inWords(payment.amount)),
    span('when', hour(payment.tapped)), span('state', short[stateOf(payment)]),
  );
  button.addEventListener('click', () => open(payment));
  return item;
}

function empty() {
  const item = document.createElement('li');
  item.className = 'none';
  item.textContent = 'Your payments will stand here.';
  return item;
}

function span(name, words) {
  const element = document.createElement('span');
  element.className = name;
  element.textContent = words;
  return element;
}

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

const hour = (at) => new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const initials = (name) => name.trim().split(/\s+/).slice(0, 2).map((word) => word[0] ?? '').join('').toUpperCase();
const sentence = (words = '') => words && words[0].toUpperCase() + words.slice(1).replace(/\.?$/, '.');
