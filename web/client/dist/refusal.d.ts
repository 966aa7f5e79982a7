import type { Problem } from './types.js';
/** An answer that sending the same again won't change. */
export declare class Refusal extends Error {
    /** The HTTP status; 0 if nothing was sent, because the storage failed. */
    readonly status: number;
    /** What the gateway said; empty if it wasn't the gateway that answered. */
    readonly problem: Problem;
    /** The transaction was not and will not be carried out: another key can't make it act twice. */
    readonly newKeySafe: boolean;
    readonly name = "Refusal";
    constructor(
    /** The HTTP status; 0 if nothing was sent, because the storage failed. */
    status: number, 
    /** What the gateway said; empty if it wasn't the gateway that answered. */
    problem: Problem, 
    /** The transaction was not and will not be carried out: another key can't make it act twice. */
    newKeySafe?: boolean);
}
/** There is no answer, or one that tells to try again. */
export declare class TryAgain extends Error {
    readonly after: number;
    readonly status?: number | undefined;
    readonly name = "TryAgain";
    /** The server wants to be left alone for so many ms. */
    constructor(message: string, after?: number, status?: number | undefined);
}
/** What tx.verdict() rejects with after verdict.close(). */
export declare class Closed extends Error {
    readonly name = "Closed";
    constructor();
}
