import type { Lifetime } from './lifetime.js';
import { Closed } from './refusal.js';

/** What happened to the network: it went, it came back, or it is worth a look (the app is in the foreground again). */
export type Change = 'offline' | 'online' | 'wake';

/** The device's network as far as it can be told, and waiting that heeds it. */
export class Network {
  private readonly listeners = new Set<(change: Change) => void>();
  private readonly stops: (() => void)[] = [];

  constructor() {
    this.on(globalThis, 'online', () => this.tell('online'));
    this.on(globalThis, 'offline', () => this.tell('offline'));
    const page = globalThis.document as Document | undefined;
    this.on(page, 'visibilitychange', () => { if (page?.visibilityState === 'visible') this.tell('wake'); });
  }

  /** Node and React Native don't tell: there it counts as online. */
  get online(): boolean {
    return globalThis.navigator?.onLine !== false;
  }

  onChange(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }

  tell(change: Change): void {
    for (const listener of [...this.listeners]) listener(change);
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  /**
   * Waits for ms, and at least for atLeast ms. A network that comes back ends it once atLeast is over; without one it
   * goes on, for unheard ms or longer. Rejects with Closed when the life ends.
   */
  pause(ms: number, atLeast: number, life: Lifetime): Promise<void> {
    return new Promise((resolve, reject) => {
      const earliest = Date.now() + atLeast;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const arm = (ms: number) => {
        clearTimeout(timer);
        timer = setTimeout(() => end(resolve), Math.min(this.online ? ms : Math.max(ms, unheard), longest));
      };
      const end = (how: () => void) => {
        clearTimeout(timer);
        stop();
        stay();
        how();
      };
      const stop = this.onChange(() => arm(Math.max(0, earliest - Date.now())));
      const stay = life.onEnd(() => end(() => reject(new Closed())));
      if (life.ended) return end(() => reject(new Closed()));
      arm(Math.max(ms, atLeast));
    });
  }

  private on(target: EventTarget | undefined, event: string, heed: () => void): void {
    if (typeof target?.addEventListener !== 'function') return;
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
export function backoff(failures: number): number {
  return Math.random() * Math.min(30_000, 250 * 2 ** (failures - 1));
}

/** The time in ms since 1970, finer than Date.now where it can be. */
export function now(): number {
  const clock = globalThis.performance;
  return clock?.timeOrigin ? clock.timeOrigin + clock.now() : Date.now();
}
