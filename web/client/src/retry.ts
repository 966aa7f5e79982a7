import type { Lifetime } from './lifetime.js';
import { backoff, type Network } from './network.js';
import { Closed, Refusal, type TryAgain } from './refusal.js';

/** Repeats an attempt until it is answered. Throws a Refusal, or Closed when the life ends. */
export async function untilAnswered<T>(attempt: () => Promise<T>, network: Network, life: Lifetime): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (life.ended) throw new Closed();
      if (error instanceof Refusal) throw error;
      await network.pause(backoff(failures), (error as Partial<TryAgain>).after ?? 0, life);
    }
  }
}
