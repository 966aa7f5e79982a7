import type { Http } from './http.js';
import type { Transport } from './transport.js';
import type { WebSocketConstructor } from './types.js';
/**
 * A WebSocket. It subscribes to each transaction, so that each comes with its state and the gateway knows what is waited
 * for; beyond a number of them to all.
 */
export declare function webSocket(http: Http, WebSocket: WebSocketConstructor): Transport;
