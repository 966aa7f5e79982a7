import { Listeners } from './listeners.js';
import { Closed, type Refusal } from './refusal.js';
import type { Entry } from './storage.js';
import type { Sending, View } from './types.js';

/**
 * sending: not acknowledged yet. pending: on record, and its verdict will come. succeeded, failed: the verdict. refused:
 * not accepted, or not to be found; error says why.
 */
export type Status = 'sending' | 'pending' | 'succeeded' | 'failed' | 'refused';

/** What a transaction needs of its client. @internal */
export interface Owner {
  changed(tx: Transaction): void;
  /** Somebody was told how the transaction ended, or is about to be. */
  told(tx: Transaction): void;
  confirm(tx: Transaction): Promise<void>;
  readonly closed: boolean;
}

const remembered = 8; // sendings

/** A transaction as this device knows it. */
export class Transaction {
  private readonly changes = new Listeners<[Transaction]>();
  private readonly waiting = new Set<{ resolve(view: View): void; reject(error: Error): void }>();
  private readonly list: Sending[] = [];
  private view: View | undefined;
  private refusal: Refusal | undefined;
  private knownID: string | undefined;

  /** What was submitted; undefined of a transaction that was submitted elsewhere. @internal */
  readonly entry: Entry | undefined;

  /** @internal */
  constructor(private readonly owner: Owner, { entry, id = entry?.id }: { entry?: Entry; id?: string }) {
    this.entry = entry;
    this.knownID = id;
  }

  /** The idempotency key; undefined of a transaction from elsewhere that nothing is known of yet. */
  get key(): string | undefined {
    return this.entry?.key ?? this.view?.key;
  }

  /** The gateway's name for it, once it is acknowledged. */
  get id(): string | undefined {
    return this.knownID;
  }

  get status(): Status {
    if (this.refusal) return 'refused';
    if (this.view) return this.view.status;
    return this.knownID ? 'pending' : 'sending';
  }

  /** It has ended: succeeded, failed or refused. */
  get settled(): boolean {
    return this.status !== 'sending' && this.status !== 'pending';
  }

  /** What the gateway showed last. */
  get transaction(): View | undefined {
    return this.view;
  }

  /** Why it was refused. */
  get error(): Refusal | undefined {
    return this.refusal;
  }

  /** How it was sent from here, at most the latest eight times. */
  get sendings(): readonly Sending[] {
    return this.list;
  }

  /** Calls listener after each change: it was sent, answered, settled, refused. Returns what ends that. */
  on(_event: 'change', listener: (tx: Transaction) => void): () => void {
    const stop = this.changes.add(listener);
    if (this.settled) this.owner.told(this); // status says it
    return stop;
  }

  /**
   * Resolves with the verdict, succeeded or failed. Rejects with a Refusal if there will be none, or with Closed if the
   * client is closed before.
   */
  verdict(): Promise<View> {
    const promise = new Promise<View>((resolve, reject) => this.waiting.add({ resolve, reject }));
    this.answer();
    return promise;
  }

  /**
   * Tells the gateway that the user has seen the verdict, so that no device is told again. It is repeated until it is on
   * record. Rejects if there is no verdict to confirm, and as verdict does.
   */
  confirm(): Promise<void> {
    return this.owner.confirm(this);
  }

  /** Takes a newer view; an older one, and whatever comes after the verdict, is passed over. @internal */
  take(view: View): void {
    if (this.accept(view)) this.changed();
  }

  /** @internal */
  refuse(error: Refusal): void {
    if (this.settled) return;
    this.refusal = error;
    this.changed();
  }

  /** Notes that it is sent, and returns what notes the answer and takes the view in it. @internal */
  sent(sentAt: number): (answer: Partial<Sending>, view?: View) => void {
    let sending: Sending = { sentAt };
    this.list.push(sending);
    if (this.list.length > remembered) this.list.shift();
    this.changed();
    return (answer, view) => {
      const at = this.list.indexOf(sending);
      sending = { ...sending, ...answer };
      if (at >= 0) this.list[at] = sending;
      if (view) this.accept(view);
      this.changed();
    };
  }

  /** Answers who waits for the verdict, if there is one or never will be. @internal */
  answer(): void {
    if (this.waiting.size === 0 || (!this.settled && !this.owner.closed)) return;
    if (this.settled) this.owner.told(this);
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const { resolve, reject } of waiting) {
      if (this.view && this.settled && !this.refusal) resolve(this.view);
      else reject(this.refusal ?? new Closed());
    }
  }

  private accept(view: View): boolean {
    if (this.settled || (this.view && view.version <= this.view.version)) return false;
    this.knownID = view.id;
    this.view = view;
    return true;
  }

  private changed(): void {
    this.owner.changed(this);
    if (this.settled && this.changes.size > 0) this.owner.told(this);
    this.changes.tell(this);
    this.answer();
  }
}
