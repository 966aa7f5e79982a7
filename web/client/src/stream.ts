import type { Http } from './http.js';
import { Refusal, TryAgain } from './refusal.js';
import { EventParser, type ServerEvent } from './sse.js';
import type { Sink, Transport, Wish } from './transport.js';

/**
 * Server-sent events, read from fetch's body: EventSource can't send Authorization. A single transaction has a stream of
 * its own, which begins with its state and tells the gateway what is waited for. More than one share the stream of all.
 */
export function eventStream(http: Http): Transport {
  return (wish, sink) => {
    const [first] = wish.ids;
    const single = wish.everything || wish.ids.size !== 1 ? undefined : first;
    const stream = new Stream(wish, single, sink);
    const ending = new AbortController();
    stream.read(http, ending.signal).then(() => sink.lost({}), (error) => sink.lost(lossBy(error)));
    return { add: (transaction) => stream.add(transaction), close: () => ending.abort() };
  };
}

/** What an error of Http means for a connection. */
export function lossBy(error: unknown): { retryAfter?: number; refused?: boolean } {
  if (error instanceof TryAgain) return { retryAfter: error.after };
  return { refused: error instanceof Refusal };
}

class Stream {
  private begun = false;

  constructor(private readonly wish: Wish, private readonly single: string | undefined, private readonly sink: Sink) {}

  add(transaction: string): boolean {
    if (this.single) return transaction === this.single;
    if (this.begun) this.sink.lookUp(transaction); // else begin does
    return true;
  }

  async read(http: Http, signal: AbortSignal): Promise<void> {
    const response = await http.open(this.path(), { headers: { Accept: 'text/event-stream' } }, signal);
    if (!response.body) throw new TryAgain('this fetch does not stream');
    const parser = new EventParser({
      event: (event) => this.hear(event, http),
      position: (id) => this.begin(Number(id)),
      retry: (ms) => this.sink.retry(ms),
    });
    const reader = response.body.getReader();
    const cancel = () => { reader.cancel().catch(() => {}); };
    signal.addEventListener('abort', cancel); // Node forgets to abort a fetch once the garbage collector has taken its request
    if (signal.aborted) cancel();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.sink.alive();
      parser.push(value);
    }
  }

  private path(): string {
    if (this.single) return `/v1/transactions/${encodeURIComponent(this.single)}/events`;
    const query: string[] = [];
    if (this.wish.everything) query.push('unconfirmed=true');
    if (this.wish.everything && this.wish.after !== undefined) query.push(`after=${this.wish.after}`);
    return `/v1/events${query.length ? '?' : ''}${query.join('&')}`;
  }

  private begin(position: number): void {
    if (!this.begun) {
      this.begun = true;
      this.sink.opened();
      if (!this.single) for (const id of this.wish.ids) this.sink.lookUp(id);
    }
    if (!this.single && position >= 0) this.sink.position(position); // else it is no number
  }

  private hear({ type, data }: ServerEvent, http: Http): void {
    if (type === 'reauth') http.renew(); // and the stream ends
    if (type === 'transaction') this.sink.event(JSON.parse(data));
  }
}
