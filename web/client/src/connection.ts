import { Lifetime } from './lifetime.js';
import { backoff, type Change, type Network } from './network.js';
import type { Link, Loss, Sink, Transport } from './transport.js';
import type { View } from './types.js';

const patience = 10_000; // ms to open
const silence = 40_000; // ms without a sign of life after which a connection is dead
const doubt = 20_000; // ms of silence after which an app that is in the foreground again opens another
const steady = 10_000; // ms that a connection lasts if it is a good one

/** Who is told what the connection brings. */
export interface Hearer {
  event(view: View): void;
  /** Look a transaction up. */
  lookUp(transaction: string): void;
}

/** Why serving ended; at once: another connection is to be opened without waiting. */
interface End extends Loss {
  readonly opened?: boolean;
  readonly retry?: number;
  readonly atOnce?: boolean;
}

/** The one connection of a client. It is open, or being opened, while something is awaited. */
export class Connection {
  private readonly ids = new Set<string>();
  private everything = false;
  private after: number | undefined;
  private running: Lifetime | undefined;
  private link: Link | undefined;
  private reopen: () => void = () => {};

  constructor(private readonly transports: readonly Transport[], private readonly network: Network, private readonly hearer: Hearer) {}

  /** Awaits a transaction's verdict. */
  listen(transaction: string): void {
    if (this.ids.has(transaction)) return;
    this.ids.add(transaction);
    if (!this.running) this.start();
    else if (this.link && !this.link.add(transaction)) this.reopen();
  }

  ignore(transaction: string): void {
    this.ids.delete(transaction);
    this.rest();
  }

  /** Awaits every verdict of the user's, or no longer. */
  listenToAll(wanted: boolean): void {
    if (this.everything === wanted) return;
    this.everything = wanted;
    if (!wanted) return this.rest();
    if (this.running) this.reopen();
    else this.start();
  }

  close(): void {
    this.ids.clear();
    this.everything = false;
    this.rest();
  }

  // rest closes the connection when there is nothing to wait for.
  private rest(): void {
    if (!this.everything) this.after = undefined;
    if (this.everything || this.ids.size > 0) return;
    this.running?.end();
    this.running = undefined;
  }

  private start(): void {
    this.running = new Lifetime();
    this.run(this.running).catch(() => {}); // it was ended
  }

  // run opens one connection after the other. Of two that never opened in a row the next one uses another transport, and
  // meanwhile what is awaited is looked up.
  private async run(life: Lifetime): Promise<void> {
    for (let turn = 0, unopened = 0, failures = 0; !life.ended; ) {
      const began = Date.now();
      const end = await this.serve(this.transports[turn % this.transports.length]!, life);
      if (end.atOnce || life.ended) continue;
      unopened = end.opened ? 0 : unopened + 1;
      failures = end.opened && Date.now() - began > steady ? 0 : failures + 1;
      if (unopened > 0 && unopened % 2 === 0) turn++;
      if (end.refused || unopened > 1) for (const id of this.ids) this.hearer.lookUp(id);
      await this.network.pause(Math.max(end.retry ?? 0, backoff(Math.max(1, failures))), end.retryAfter ?? 0, life);
    }
  }

  // serve opens a connection and resolves when it has ended.
  private serve(transport: Transport, life: Lifetime): Promise<End> {
    return new Promise((resolve) => {
      let opened = false, ended = false, lastSign = Date.now();
      let link: Link | undefined;
      let retry: number | undefined, watchdog: ReturnType<typeof setTimeout> | undefined;

      const finish = (end: End) => {
        if (ended) return;
        ended = true;
        clearTimeout(watchdog);
        unheed();
        stay();
        this.reopen = () => {};
        link?.close();
        this.link = undefined;
        resolve({ ...end, opened, ...(retry !== undefined && { retry }) });
      };
      const watch = () => {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => finish({}), opened ? silence : patience);
      };
      const heed = (change: Change) => {
        if (change === 'offline') finish({});
        else if (change === 'online' || Date.now() - lastSign > doubt) finish({ atOnce: true });
      };
      const unheed = this.network.onChange(heed);
      const stay = life.onEnd(() => finish({}));

      const live = <A extends unknown[]>(act: (...args: A) => void) => (...args: A) => { if (!ended) act(...args); };
      const sink: Sink = {
        alive: live(() => { lastSign = Date.now(); watch(); }),
        opened: live(() => { opened = true; watch(); }),
        position: live((after) => { if (this.everything) this.after = Math.max(this.after ?? 0, after); }),
        event: live((view) => this.hearer.event(view)),
        lookUp: live((transaction) => this.hearer.lookUp(transaction)),
        retry: live((ms) => { retry = ms; }),
        lost: live(finish),
      };
      this.reopen = () => finish({ atOnce: true });
      watch();
      link = this.link = transport({ ids: this.ids, everything: this.everything, after: this.after }, sink);
    });
  }
}
