import { type Refusal } from './refusal.js';
import type { Sending, View } from './types.js';
/**
 * sending: not acknowledged yet. pending: on record, and its verdict will come. succeeded, failed: the verdict. refused:
 * not accepted, or not to be found; error says why.
 */
export type Status = 'sending' | 'pending' | 'succeeded' | 'failed' | 'refused';
/** A transaction as this device knows it. */
export declare class Transaction {
    private readonly owner;
    private readonly changes;
    private readonly waiting;
    private readonly list;
    private view;
    private refusal;
    private knownID;
    /** The idempotency key; undefined of a transaction from elsewhere that nothing is known of yet. */
    get key(): string | undefined;
    /** The gateway's name for it, once it is acknowledged. */
    get id(): string | undefined;
    get status(): Status;
    /** It has ended: succeeded, failed or refused. */
    get settled(): boolean;
    /** What the gateway showed last. */
    get transaction(): View | undefined;
    /** Why it was refused. */
    get error(): Refusal | undefined;
    /** How it was sent from here, at most the latest eight times. */
    get sendings(): readonly Sending[];
    /** Calls listener after each change: it was sent, answered, settled, refused. Returns what ends that. */
    on(_event: 'change', listener: (tx: Transaction) => void): () => void;
    /**
     * Resolves with the verdict, succeeded or failed. Rejects with a Refusal if there will be none, or with Closed if the
     * client is closed before.
     */
    verdict(): Promise<View>;
    /**
     * Tells the gateway that the user has seen the verdict, so that no device is told again. It is repeated until it is on
     * record. Rejects if there is no verdict to confirm, and as verdict does.
     */
    confirm(): Promise<void>;
    private accept;
    private changed;
}
