import type { Storage } from './types.js';
/** Keeps transactions as long as the process lives. */
export declare function memoryStorage(): Storage;
/** The browser's localStorage, or memory where there is none or it is forbidden. */
export declare function defaultStorage(): Storage;
/** What is kept of a transaction: enough to send it again as it was, or to ask what became of it. */
export interface Entry {
    readonly key: string;
    readonly operation: string;
    readonly body: string;
    /** When it was submitted, in ms since 1970. */
    readonly at: number;
    readonly id?: string;
}
/** The shelf of one user's transactions in a storage. */
export declare class Shelf {
    private readonly storage;
    private readonly prefix;
    private last;
    constructor(storage: Storage, user: string);
    put(entry: Entry): Promise<void>;
    remove(entry: Entry): Promise<void>;
    /** Resolves when what was written before is written, or has failed. */
    settled(): Promise<void>;
    /** Reads all; what can't be read isn't ours, and stays. */
    list(): Promise<Entry[]>;
    private after;
    private name;
}
