// The one connection: when it is given up, when another is opened, and when there is none.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Connection } from '../dist/connection.js';
import { Network } from '../dist/network.js';

// stage runs use in mocked time, with a connection whose links are opened by hand.
function stage(use) {
  return async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const network = new Network(), links = [], lookUps = [];
    const transport = (name) => (wish, sink) => {
      const link = { name, wish: { ...wish, ids: [...wish.ids] }, sink, closed: false, add: (id) => { link.added = id; return link.adds; }, adds: true, close: () => { link.closed = true; } };
      links.push(link);
      return link;
    };
    const connection = new Connection([transport('first'), transport('second')], network, { event() {}, lookUp: (id) => lookUps.push(id) });
    // after lets ms go by, and what hangs on them happen.
    const after = async (ms) => {
      mock.timers.tick(ms);
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    try {
      await use({ connection, links, lookUps, network, after });
    } finally {
      connection.close();
      network.close();
      mock.timers.reset();
    }
  };
}

test('silence of 40 s ends it, and a sign of life keeps it', stage(async ({ connection, links, after }) => {
  connection.listen('a');
  links[0].sink.opened();
  await after(39_000);
  links[0].sink.alive();
  await after(39_999);
  assert.equal(links[0].closed, false);
  await after(1);
  assert.equal(links[0].closed, true);
  await after(250);
  assert.equal(links.length, 2);
}));

test('one that doesn\'t open within 10 s is given up; two in a row, and another transport is tried', stage(async ({ connection, links, lookUps, after }) => {
  connection.listen('a');
  await after(9_999);
  assert.equal(links[0].closed, false);
  await after(1);
  assert.equal(links[0].closed, true);
  await after(30_000);
  assert.deepEqual(lookUps, []);
  await after(10_000);
  assert.deepEqual(lookUps, ['a']);
  await after(30_000);
  assert.deepEqual(links.map((link) => link.name), ['first', 'first', 'second']);
}));

test('the pauses grow to at most 30 s', stage(async ({ connection, links, after }) => {
  const random = mock.method(Math, 'random', () => 1 - Number.EPSILON);
  connection.listen('a');
  for (const pause of [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const opened = links.length;
    links.at(-1).sink.lost({});
    await after(0);
    await after(pause - 1);
    assert.equal(links.length, opened, `before ${pause}`);
    await after(1);
    assert.equal(links.length, opened + 1, `after ${pause}`);
  }
  random.mock.restore();
}));

test('after a good while the first pause is short again', stage(async ({ connection, links, after }) => {
  const random = mock.method(Math, 'random', () => 1 - Number.EPSILON);
  connection.listen('a');
  for (let i = 0; i < 5; i++) {
    links.at(-1).sink.lost({});
    await after(0);
    await after(30_000);
  }
  const opened = links.length;
  links.at(-1).sink.opened();
  await after(10_001);
  links.at(-1).sink.lost({});
  await after(0);
  await after(250);
  assert.equal(links.length, opened + 1);
  random.mock.restore();
}));

test('an app that comes to the foreground doubts a silent connection, not a fresh one', stage(async ({ connection, links, network, after }) => {
  connection.listen('a');
  links[0].sink.opened();
  await after(20_000);
  network.tell('wake');
  await after(0);
  assert.equal(links.length, 1);
  await after(1);
  network.tell('wake');
  await after(0);
  assert.equal(links.length, 2);
}));

test('a network that is said to be away is tried every 30 s', stage(async ({ connection, links, after }) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true });
  try {
    connection.listen('a');
    for (const opened of [1, 2]) {
      links.at(-1).sink.lost({});
      await after(0);
      await after(29_999);
      assert.equal(links.length, opened);
      await after(1);
      assert.equal(links.length, opened + 1);
    }
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before);
    else delete globalThis.navigator;
  }
}));

test('what waits to be opened is opened at once on waking', stage(async ({ connection, links, network, after }) => {
  connection.listen('a');
  links[0].sink.retry(4000);
  links[0].sink.lost({});
  await after(0);
  network.tell('wake');
  await after(0);
  assert.equal(links.length, 2);
}));

test('Retry-After is waited for even then', stage(async ({ connection, links, network, after }) => {
  connection.listen('a');
  links[0].sink.lost({ retryAfter: 4000 });
  await after(0);
  network.tell('wake');
  await after(3999);
  assert.equal(links.length, 1);
  await after(1);
  assert.equal(links.length, 2);
}));

test('it is closed with the last that is awaited, and what comes late is not heard', stage(async ({ connection, links, after }) => {
  connection.listen('a');
  connection.listen('b');
  connection.ignore('a');
  assert.equal(links[0].closed, false);
  connection.ignore('b');
  assert.equal(links[0].closed, true);
  links[0].sink.lost({});
  await after(60_000);
  assert.equal(links.length, 1);
}));

test('a link that can\'t take another transaction gives way to one of both', stage(async ({ connection, links, after }) => {
  connection.listen('a');
  links[0].adds = false;
  connection.listen('b');
  await after(0);
  assert.equal(links[0].closed, true);
  assert.deepEqual(links[1].wish.ids, ['a', 'b']);
}));

test('a stream of everything goes on where it was, a later one begins anew', stage(async ({ connection, links, after }) => {
  connection.listenToAll(true);
  links[0].sink.opened();
  links[0].sink.position(17);
  links[0].sink.position(12);
  links[0].sink.lost({});
  await after(0);
  await after(250);
  assert.equal(links[1].wish.after, 17);
  connection.listenToAll(false);
  connection.listenToAll(true);
  assert.equal(links[2].wish.after, undefined);
}));
