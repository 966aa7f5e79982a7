import { Transaction } from './transaction.js';
import type { Options, Submission } from './types.js';
/** A connection to a gateway. Throws if options name a transport that there isn't. */
export declare function createClient(options: Options): Client;
/** Submits transactions and hears their verdicts, over one connection that is open while something is awaited. */
export declare class Client {
    private readonly network;
    private readonly life;
    private readonly http;
    private readonly shelf;
    private readonly sender;
    private readonly lookups;
    private readonly connection;
    private readonly known;
    private readonly byID;
    private readonly verdicts;
    private readonly heard;
    /**
     * Submits a transaction and returns at once. Its key and body are in the storage before it is sent; it is sent until it
     * is acknowledged. The same key again is the same transaction: it is sent once more, at once, which can't act twice.
     */
    submit(submission: Submission): Transaction;
    /** Goes on with what the storage holds: transactions that this device submitted and was not told the end of. */
    resume(): Promise<Transaction[]>;
    /** The transactions that are not settled. */
    pending(): Transaction[];
    /** Awaits the verdict of a transaction that was submitted elsewhere. */
    watch(id: string): Transaction;
    /**
     * Calls listener with every transaction of the user's as its verdict becomes known, wherever it was submitted, and
     * first with those that nobody has confirmed: call tx.confirm() once the user has seen it, or they come again with the
     * next start. Returns what ends that.
     */
    on(_event: 'verdict', listener: (tx: Transaction) => void): () => void;
    /** The app is in the foreground again: what waits to be tried is tried now. Browsers say so by themselves. */
    wake(): void;
    /** Ends the connection and every retry. What the storage holds stays there, for resume. */
    close(): void;
    private add;
    private send;
    private follow;
    private listen;
    private hear;
    private overtaken;
    private stranger;
    private announce;
}
