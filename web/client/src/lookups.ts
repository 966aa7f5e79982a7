import type { Http } from './http.js';
import type { Lifetime } from './lifetime.js';
import type { Network } from './network.js';
import { Refusal, TryAgain } from './refusal.js';
import { untilAnswered } from './retry.js';
import type { Transaction } from './transaction.js';
import type { View } from './types.js';

const workers = 4; // at once

/** Looks transactions up, a few at a time, until each was answered or has settled. */
export class Lookups {
  private readonly due = new Set<Transaction>();
  private working = 0;

  constructor(private readonly http: Http, private readonly network: Network, private readonly life: Lifetime) {}

  add(tx: Transaction): void {
    this.due.add(tx);
    if (this.working >= workers) return;
    this.working++;
    this.work().catch(() => {}).finally(() => { this.working--; }); // it was closed
  }

  private async work(): Promise<void> {
    for (const tx of this.due) { // a Set yields what is added meanwhile, too
      this.due.delete(tx);
      try {
        await untilAnswered(() => this.read(tx), this.network, this.life);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        tx.refuse(error);
      }
    }
  }

  private async read(tx: Transaction): Promise<void> {
    if (tx.settled) return;
    const { body } = await this.http.ask(`/v1/transactions/${encodeURIComponent(tx.id!)}`, {}, this.life);
    tx.take(viewOf(body));
  }
}

/** Reads a body as a transaction. A network that wants a login answers everything, even in JSON; that isn't one. */
export function viewOf(body: unknown): View {
  const view = body as Partial<View> | null;
  if (typeof view?.id === 'string' && typeof view.version === 'number' && ['pending', 'succeeded', 'failed'].includes(view.status!)) return view as View;
  throw new TryAgain('what answered is not the gateway');
}
