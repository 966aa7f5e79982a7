import type { Http } from './http.js';
import type { Lifetime } from './lifetime.js';
import type { Network } from './network.js';
import type { Transaction } from './transaction.js';
import type { View } from './types.js';
/** Looks transactions up, a few at a time, until each was answered or has settled. */
export declare class Lookups {
    private readonly http;
    private readonly network;
    private readonly life;
    private readonly due;
    private working;
    constructor(http: Http, network: Network, life: Lifetime);
    add(tx: Transaction): void;
    private work;
    private read;
}
/** Reads a body as a transaction. A network that wants a login answers everything, even in JSON; that isn't one. */
export declare function viewOf(body: unknown): View;
