import type { Lifetime } from './lifetime.js';
import { type Network } from './network.js';
/** Repeats an attempt until it is answered. Throws a Refusal, or Closed when the life ends. */
export declare function untilAnswered<T>(attempt: () => Promise<T>, network: Network, life: Lifetime): Promise<T>;
