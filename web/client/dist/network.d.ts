import type { Lifetime } from './lifetime.js';
/** What happened to the network: it went, it came back, or it is worth a look (the app is in the foreground again). */
export type Change = 'offline' | 'online' | 'wake';
/** The device's network as far as it can be told, and waiting that heeds it. */
export declare class Network {
    private readonly listeners;
    private readonly stops;
    constructor();
    /** Node and React Native don't tell: there it counts as online. */
    get online(): boolean;
    onChange(listener: (change: Change) => void): () => void;
    tell(change: Change): void;
    close(): void;
    /**
     * Waits for ms, and at least for atLeast ms. A network that comes back ends it once atLeast is over; without one it
     * goes on, for unheard ms or longer. Rejects with Closed when the life ends.
     */
    pause(ms: number, atLeast: number, life: Lifetime): Promise<void>;
    private on;
}
/**
 * How long to wait in ms after so many failures, 1 or more: anywhere from nothing to a bound that doubles from 250 ms to
 * 30 s. With full jitter, clients that lost the same server don't come back in step.
 */
export declare function backoff(failures: number): number;
/** The time in ms since 1970, finer than Date.now where it can be. */
export declare function now(): number;
