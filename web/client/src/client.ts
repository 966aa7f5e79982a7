import { Connection } from './connection.js';
import { Http } from './http.js';
import { Lifetime } from './lifetime.js';
import { Listeners } from './listeners.js';
import { Lookups } from './lookups.js';
import { Network } from './network.js';
import { Refusal } from './refusal.js';
import { untilAnswered } from './retry.js';
import { webSocket } from './socket.js';
import { Shelf, defaultStorage, type Entry } from './storage.js';
import { eventStream } from './stream.js';
import { Sender, entryOf } from './submit.js';
import { Transaction } from './transaction.js';
import type { Transport } from './transport.js';
import type { Options, Submission, View } from './types.js';

const remembered = 1000; // transactions whose verdicts were told, so that none is told twice

/** A connection to a gateway. Throws if options name a transport that there isn't. */
export function createClient(options: Options): Client {
  return new Client(options);
}

/** Submits transactions and hears their verdicts, over one connection that is open while something is awaited. */
export class Client {
  private readonly network = new Network();
  private readonly life = new Lifetime();
  private readonly http: Http;
  private readonly shelf: Shelf;
  private readonly sender: Sender;
  private readonly lookups: Lookups;
  private readonly connection: Connection;
  private readonly known = new Map<string, Transaction>(); // by name, until told
  private readonly byID = new Map<string, Transaction>(); // those that are pending
  private readonly verdicts = new Listeners<[Transaction]>();
  private readonly heard = new Set<string>(); // ids of transactions whose verdicts the listeners were told

  /** @internal */
  constructor(options: Options) {
    this.http = new Http(options);
    this.shelf = new Shelf(options.storage ?? defaultStorage(), options.user ?? '');
    this.sender = new Sender(this.http, this.network, this.life, options.keyLife);
    this.lookups = new Lookups(this.http, this.network, this.life);
    this.connection = new Connection(transportsOf(options, this.http), this.network, {
      event: (view) => this.hear(view),
      lookUp: (id) => {
        const tx = this.byID.get(id);
        if (tx) this.lookups.add(tx);
      },
    });
  }

  /**
   * Submits a transaction and returns at once. Its key and body are in the storage before it is sent; it is sent until it
   * is acknowledged. The same key again is the same transaction: it is sent once more, at once, which can't act twice.
   */
  submit(submission: Submission): Transaction {
    const entry = entryOf(submission);
    const known = this.known.get(nameOf(entry));
    if (known && known.entry!.body !== entry.body) throw new Error('the key belongs to a transaction of other content');
    const tx = known ?? this.add(entry);
    const stored = known ? this.shelf.settled() : this.shelf.put(entry);
    stored.then(() => this.send(tx, false), () => tx.refuse(notStored()));
    return tx;
  }

  /** Goes on with what the storage holds: transactions that this device submitted and was not told the end of. */
  async resume(): Promise<Transaction[]> {
    for (const entry of await this.shelf.list()) {
      if (this.known.has(nameOf(entry)) || this.closed) continue;
      const tx = this.add(entry);
      if (tx.id) this.follow(tx);
      else this.send(tx, true);
    }
    return [...this.known.values()];
  }

  /** The transactions that are not settled. */
  pending(): Transaction[] {
    return [...new Set([...this.known.values(), ...this.byID.values()])].filter((tx) => !tx.settled);
  }

  /** Awaits the verdict of a transaction that was submitted elsewhere. */
  watch(id: string): Transaction {
    const known = this.byID.get(id);
    if (known) return known;
    const tx = new Transaction(this, { id });
    this.follow(tx);
    return tx;
  }

  /**
   * Calls listener with every transaction of the user's as its verdict becomes known, wherever it was submitted, and
   * first with those that nobody has confirmed: call tx.confirm() once the user has seen it, or they come again with the
   * next start. Returns what ends that.
   */
  on(_event: 'verdict', listener: (tx: Transaction) => void): () => void {
    const stop = this.verdicts.add(listener);
    this.connection.listenToAll(true);
    return () => {
      stop();
      if (this.verdicts.size === 0) this.connection.listenToAll(false);
    };
  }

  /** The app is in the foreground again: what waits to be tried is tried now. Browsers say so by themselves. */
  wake(): void {
    this.network.tell('wake');
  }

  /** Ends the connection and every retry. What the storage holds stays there, for resume. */
  close(): void {
    this.life.end();
    this.connection.close();
    this.network.close();
    for (const tx of this.pending()) tx.answer();
  }

  /** @internal */
  get closed(): boolean {
    return this.life.ended;
  }

  /** @internal */
  changed(tx: Transaction): void {
    if (!tx.id) return;
    if (!tx.settled) return this.listen(tx);
    this.byID.delete(tx.id);
    this.connection.ignore(tx.id);
    if (tx.status !== 'refused' && this.verdicts.size > 0) this.announce(tx, tx.id);
  }

  /** @internal */
  told(tx: Transaction): void {
    if (!tx.entry || !this.known.delete(nameOf(tx.entry))) return;
    this.shelf.remove(tx.entry).catch(() => {}); // resume will ask what became of it, and remove it
  }

  /** @internal */
  async confirm(tx: Transaction): Promise<void> {
    if (!tx.settled || tx.status === 'refused') throw new Error('there is no verdict to confirm');
    this.told(tx);
    const path = `/v1/transactions/${encodeURIComponent(tx.id!)}/ack`;
    const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
    await untilAnswered(() => this.http.ask(path, request, this.life), this.network, this.life);
  }

  private add(entry: Entry): Transaction {
    const tx = new Transaction(this, { entry });
    this.known.set(nameOf(entry), tx);
    return tx;
  }

  private send(tx: Transaction, doubtful: boolean): void {
    this.sender.send(tx, doubtful).catch(() => {}); // it was closed
  }

  // follow awaits the verdict of a transaction that may be settled long since, so it asks at once.
  private follow(tx: Transaction): void {
    this.listen(tx);
    this.lookups.add(tx);
  }

  private listen(tx: Transaction): void {
    const id = tx.id!;
    if (this.byID.has(id) || this.closed) return;
    this.byID.set(id, tx);
    if (tx.entry && !tx.entry.id) this.shelf.put({ ...tx.entry, id }).catch(() => {}); // it will be found by its key
    this.connection.listen(id);
  }

  private hear(view: View): void {
    const tx = this.byID.get(view.id) ?? this.overtaken(view) ?? this.stranger(view);
    tx?.take(view);
  }

  // overtaken is the transaction whose verdict came before its acknowledgement.
  private overtaken(view: View): Transaction | undefined {
    const tx = this.known.get(nameOf(view));
    return tx?.status === 'sending' ? tx : undefined;
  }

  private stranger(view: View): Transaction | undefined {
    return this.verdicts.size > 0 && !this.heard.has(view.id) ? new Transaction(this, { id: view.id }) : undefined;
  }

  private announce(tx: Transaction, id: string): void {
    if (this.heard.has(id)) return;
    this.heard.add(id);
    for (const oldest of this.heard) if (this.heard.size > remembered) this.heard.delete(oldest);
    this.told(tx);
    this.verdicts.tell(tx);
  }
}

const nameOf = ({ operation, key }: { operation: string; key: string }) => JSON.stringify([operation, key]);

const notStored = () => new Refusal(0, { title: 'It could not be stored on this device, so it was not sent.', new_key_safe: true });

function transportsOf({ transport = 'auto', WebSocket = globalThis.WebSocket }: Options, http: Http): Transport[] {
  if (transport === 'sse') return [eventStream(http)];
  if (!WebSocket && transport === 'ws') throw new Error('there is no WebSocket here: give one as the option WebSocket');
  if (!WebSocket) return [eventStream(http)];
  return transport === 'ws' ? [webSocket(http, WebSocket)] : [webSocket(http, WebSocket), eventStream(http)];
}
