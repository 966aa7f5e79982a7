import { backoff } from './network.js';
import { Closed, Refusal } from './refusal.js';
/** Repeats an attempt until it is answered. Throws a Refusal, or Closed when the life ends. */
export async function untilAnswered(attempt, network, life) {
    for (let failures = 1;; failures++) {
        try {
            return await attempt();
        }
        catch (error) {
            if (life.ended)
                throw new Closed();
            if (error instanceof Refusal)
                throw error;
            await network.pause(backoff(failures), error.after ?? 0, life);
        }
    }
}
