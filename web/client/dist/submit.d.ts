import type { Http } from './http.js';
import type { Lifetime } from './lifetime.js';
import { type Network } from './network.js';
import type { Entry } from './storage.js';
import type { Transaction } from './transaction.js';
import type { Submission } from './types.js';
/** Makes what is kept of a submission, with its key and exact body. Throws if it can't be sent. */
export declare function entryOf({ operation, provider, payload, key }: Submission): Entry;
/** Sends transactions, each with the same key and bytes every time, until it is acknowledged, refused or settled. */
export declare class Sender {
    private readonly http;
    private readonly network;
    private readonly life;
    private readonly keyLife;
    constructor(http: Http, network: Network, life: Lifetime, keyLife?: number);
    /** Sends a transaction; doubtful says that an earlier sending may have arrived. */
    send(tx: Transaction, doubtful: boolean): Promise<void>;
    private attempt;
    private find;
}
