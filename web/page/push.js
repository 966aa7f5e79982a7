import { pause } from './backoff.js';

const transports = { sse: openEvents, ws: openSocket };

// follow has hear called with a transaction's current state and then its verdict, over 'sse' or 'ws', across lost
// connections. It ends with the verdict, or with stop().
export function follow(transport, id, hear) {
  let connection, timer, failures = 0, over = false;

  function connect() {
    clearTimeout(timer);
    connection?.close();
    connection = transports[transport](id, take, lost);
  }
  function take(view) {
    if (over) return;
    failures = 0;
    if (view.status !== 'pending') stop();
    hear(view);
  }
  function lost() {
    connection.close();
    clearTimeout(timer);
    if (!over) timer = setTimeout(connect, pause(failures++));
  }
  function stop() {
    over = true;
    clearTimeout(timer);
    removeEventListener('online', connect);
    connection.close();
  }

  addEventListener('online', connect); // the network is back: don't sit out the pause
  connect();
  return { stop };
}

// openEvents reads server-sent events. The browser itself returns to a stream that ended, when the server told it to;
// it gives up after an HTTP error, and that counts as lost.
function openEvents(id, take, lost) {
  const source = new EventSource(`/v1/transactions/${encodeURIComponent(id)}/events`);
  source.addEventListener('transaction', (event) => take(JSON.parse(event.data)));
  source.addEventListener('error', () => { if (source.readyState === EventSource.CLOSED) lost(); });
  return source;
}

const heartbeat = 20_000; // ms; a socket that stays silent from one ping to the next is dead

// openSocket subscribes over a WebSocket of its own.
function openSocket(id, take, lost) {
  const address = new URL('/v1/ws', location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  const socket = new WebSocket(address, 'verdict.v1');
  let alive = true;
  const beat = setInterval(() => {
    if (!alive) return fail();
    alive = false;
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'ping' }));
  }, heartbeat);

  let ended = false;
  function fail() {
    if (ended) return;
    close();
    lost();
  }
  function close() {
    ended = true;
    clearInterval(beat);
    socket.close();
  }

  socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'subscribe', transaction: id })));
  socket.addEventListener('message', ({ data }) => {
    if (ended) return;
    alive = true;
    const message = JSON.parse(data);
    if (message.type === 'event' && message.transaction.id === id) take(message.transaction);
    if (message.type === 'error') fail();
  });
  socket.addEventListener('close', fail);
  return { close };
}
