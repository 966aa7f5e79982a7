import { type Network } from './network.js';
import type { Transport } from './transport.js';
import type { View } from './types.js';
/** Who is told what the connection brings. */
export interface Hearer {
    event(view: View): void;
    /** Look a transaction up. */
    lookUp(transaction: string): void;
}
/** The one connection of a client. It is open, or being opened, while something is awaited. */
export declare class Connection {
    private readonly transports;
    private readonly network;
    private readonly hearer;
    private readonly ids;
    private everything;
    private after;
    private running;
    private link;
    private reopen;
    constructor(transports: readonly Transport[], network: Network, hearer: Hearer);
    /** Awaits a transaction's verdict. */
    listen(transaction: string): void;
    ignore(transaction: string): void;
    /** Awaits every verdict of the user's, or no longer. */
    listenToAll(wanted: boolean): void;
    close(): void;
    private rest;
    private start;
    private run;
    private serve;
}
