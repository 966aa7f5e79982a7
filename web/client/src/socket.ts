import type { Http } from './http.js';
import { Lifetime } from './lifetime.js';
import { lossBy } from './stream.js';
import type { Link, Loss, Sink, Transport, Wish } from './transport.js';
import type { View, WebSocketConstructor, WebSocketLike } from './types.js';

interface EventMessage { type: 'event'; id: number; transaction: View }
type Message =
  | EventMessage
  | { type: 'subscribed'; after?: number }
  | { type: 'retry'; after_ms: number }
  | { type: 'reauth' }
  | { type: 'error'; code: string }
  | { type: 'acknowledged' | 'authenticated' | 'pong' };

const heartbeat = 20_000; // ms between pings: browsers don't show the server's
const most = 90; // transactions subscribed to each; a socket may have 100 subscriptions

/**
 * A WebSocket. It subscribes to each transaction, so that each comes with its state and the gateway knows what is waited
 * for; beyond a number of them to all.
 */
export function webSocket(http: Http, WebSocket: WebSocketConstructor): Transport {
  return (wish, sink) => new Socket(http, WebSocket, wish, sink);
}

class Socket implements Link {
  private socket: WebSocketLike | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;
  private readonly each = new Set<string>(); // subscribed to
  private all: boolean; // subscribed to, or about to be
  private open = false;
  private over = false;
  private readonly life = new Lifetime();

  constructor(private readonly http: Http, WebSocket: WebSocketConstructor, private readonly wish: Wish, private readonly sink: Sink) {
    this.all = wish.everything;
    this.address().then((address) => this.connect(new WebSocket(address, 'verdict.v1'))).catch((error) => this.lose(lossBy(error)));
  }

  add(transaction: string): boolean {
    if (this.open) this.subscribe(transaction);
    return true;
  }

  close(): void {
    this.over = true;
    this.life.end();
    clearInterval(this.beat);
    this.socket?.close();
  }

  // address has a ticket in it where a token is configured: browsers can't send headers with a WebSocket.
  private async address(): Promise<string> {
    const address = `${this.http.base.replace(/^http/, 'ws')}/v1/ws`;
    if (!(await this.http.token())) return address;
    const { body } = await this.http.ask('/v1/tickets', { method: 'POST' }, this.life);
    return `${address}?ticket=${encodeURIComponent((body as { ticket: string }).ticket)}`;
  }

  private connect(socket: WebSocketLike): void {
    if (this.over) return socket.close();
    this.socket = socket;
    socket.onopen = () => this.greet();
    socket.onmessage = ({ data }) => this.hear(data);
    socket.onerror = () => {}; // it closes
    socket.onclose = () => this.lose({}); // after 4401 the next ticket is refused, which renews the token
    this.beat = setInterval(() => this.say({ type: 'ping' }), heartbeat);
  }

  private greet(): void {
    if (this.over) return;
    this.open = true;
    if (this.wish.everything) this.subscribeAll();
    for (const id of this.wish.ids) this.subscribe(id);
  }

  private subscribe(transaction: string): void {
    if (this.each.size < most) {
      this.each.add(transaction);
      return this.say({ type: 'subscribe', transaction });
    }
    if (!this.all) this.subscribeAll();
    this.sink.lookUp(transaction);
  }

  private subscribeAll(): void {
    this.all = true;
    const { everything, after } = this.wish;
    const from = after === undefined ? { type: 'subscribe' } : { type: 'resume', after };
    this.say(everything ? { ...from, unconfirmed: true } : { type: 'subscribe' });
  }

  private hear(text: string): void {
    if (this.over) return;
    this.sink.alive();
    const message = JSON.parse(text) as Message;
    switch (message.type) {
      case 'subscribed':
        this.sink.opened();
        if (message.after !== undefined) this.sink.position(message.after);
        return;
      case 'event': return this.bring(message);
      case 'retry': return this.sink.retry(message.after_ms);
      case 'reauth': return this.reauthenticate();
      case 'error': return this.amend(message.code);
    }
  }

  // bring passes an event on. One that is subscribed to twice comes twice, in either order: after both it is certain that
  // everything before it has come.
  private bring({ id, transaction }: EventMessage): void {
    if (!this.each.has(transaction.id)) this.sink.position(id);
    if (transaction.status !== 'pending') this.each.delete(transaction.id);
    this.sink.event(transaction);
  }

  private reauthenticate(): void {
    this.http.renew();
    this.http.token().then((token) => { if (token) this.say({ type: 'auth', token }); }, () => {}); // else it is cut, and comes back
  }

  private amend(code: string): void {
    if (code === 'not_found') return this.wish.ids.forEach((id) => this.sink.lookUp(id)); // which says which one
    if (code === 'unauthenticated') this.http.renew();
    this.lose({});
  }

  private say(message: object): void {
    if (this.open && !this.over) this.socket?.send(JSON.stringify(message));
  }

  private lose(loss: Loss): void {
    if (this.over) return;
    this.close();
    this.sink.lost(loss);
  }
}
