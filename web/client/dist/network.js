import { Closed } from './refusal.js';
/** The device's network as far as it can be told, and waiting that heeds it. */
export class Network {
    listeners = new Set();
    stops = [];
    constructor() {
        this.on(globalThis, 'online', () => this.tell('online'));
        this.on(globalThis, 'offline', () => this.tell('offline'));
        const page = globalThis.document;
        this.on(page, 'visibilitychange', () => { if (page?.visibilityState === 'visible')
            this.tell('wake'); });
    }
    /** Node and React Native don't tell: there it counts as online. */
    get online() {
        return globalThis.navigator?.onLine !== false;
    }
    onChange(listener) {
        this.listeners.add(listener);
        return () => { this.listeners.delete(listener); };
    }
    tell(change) {
        for (const listener of [...this.listeners])
            listener(change);
    }
    close() {
        for (const stop of this.stops)
            stop();
    }
    /**
     * Waits for ms, and at least for atLeast ms. A network that comes back ends it once atLeast is over; without one it
     * goes on, for unheard ms or longer. Rejects with Closed when the life ends.
     */
    pause(ms, atLeast, life) {
        return new Promise((resolve, reject) => {
            const earliest = Date.now() + atLeast;
            let timer;
            const arm = (ms) => {
                clearTimeout(timer);
                timer = setTimeout(() => end(resolve), Math.min(this.online ? ms : Math.max(ms, unheard), longest));
            };
            const end = (how) => {
                clearTimeout(timer);
                stop();
                stay();
                how();
            };
            const stop = this.onChange(() => arm(Math.max(0, earliest - Date.now())));
            const stay = life.onEnd(() => end(() => reject(new Closed())));
            if (life.ended)
                return end(() => reject(new Closed()));
            arm(Math.max(ms, atLeast));
        });
    }
    on(target, event, heed) {
        if (typeof target?.addEventListener !== 'function')
            return;
        target.addEventListener(event, heed);
        this.stops.push(() => target.removeEventListener(event, heed));
    }
}
const unheard = 30_000; // ms; a network is tried after that though it is said to be away: not every browser tells that it is back
const longest = 2 ** 31 - 1; // ms; beyond it setTimeout fires at once
/**
 * How long to wait in ms after so many failures, 1 or more: anywhere from nothing to a bound that doubles from 250 ms to
 * 30 s. With full jitter, clients that lost the same server don't come back in step.
 */
export function backoff(failures) {
    return Math.random() * Math.min(30_000, 250 * 2 ** (failures - 1));
}
/** The time in ms since 1970, finer than Date.now where it can be. */
export function now() {
    const clock = globalThis.performance;
    return clock?.timeOrigin ? clock.timeOrigin + clock.now() : Date.now();
}
