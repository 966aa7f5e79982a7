import type { Http } from './http.js';
import type { Transport } from './transport.js';
/**
 * Server-sent events, read from fetch's body: EventSource can't send Authorization. A single transaction has a stream of
 * its own, which begins with its state and tells the gateway what is waited for. More than one share the stream of all.
 */
export declare function eventStream(http: Http): Transport;
/** What an error of Http means for a connection. */
export declare function lossBy(error: unknown): {
    retryAfter?: number;
    refused?: boolean;
};
