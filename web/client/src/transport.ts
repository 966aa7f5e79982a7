import type { View } from './types.js';

/** What a connection is to bring. */
export interface Wish {
  /** The transactions whose verdicts are awaited. */
  readonly ids: ReadonlySet<string>;
  /** Every verdict of the user's, besides. */
  readonly everything: boolean;
  /** The position after which everything begins; undefined: now, and before it what nobody has confirmed. */
  readonly after: number | undefined;
}

/** Why a connection ended. */
export interface Loss {
  /** In ms: not to come back before. */
  readonly retryAfter?: number;
  /** It was refused; look the awaited transactions up, because that says why. */
  readonly refused?: boolean;
}

/** What a connection reports. Nothing is reported after lost. */
export interface Sink {
  /** A sign of life. */
  alive(): void;
  /** It serves. */
  opened(): void;
  /** Everything up to this number has been brought. */
  position(after: number): void;
  event(view: View): void;
  /** The state of this transaction doesn't come by itself: look it up. */
  lookUp(transaction: string): void;
  /** How many ms to wait before coming back, in the server's words. */
  retry(ms: number): void;
  lost(loss: Loss): void;
}

/** An open connection, or one that is being opened. */
export interface Link {
  /** Has it bring another transaction; false if it can't. */
  add(transaction: string): boolean;
  close(): void;
}

/**
 * Opens a connection. Of each transaction wished for it brings the state as it is after the opening, or has it looked up
 * then; so a verdict that came before is not missed.
 */
export type Transport = (wish: Wish, sink: Sink) => Link;
