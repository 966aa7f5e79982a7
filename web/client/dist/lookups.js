import { Refusal, TryAgain } from './refusal.js';
import { untilAnswered } from './retry.js';
const workers = 4; // at once
/** Looks transactions up, a few at a time, until each was answered or has settled. */
export class Lookups {
    http;
    network;
    life;
    due = new Set();
    working = 0;
    constructor(http, network, life) {
        this.http = http;
        this.network = network;
        this.life = life;
    }
    add(tx) {
        this.due.add(tx);
        if (this.working >= workers)
            return;
        this.working++;
        this.work().catch(() => { }).finally(() => { this.working--; }); // it was closed
    }
    async work() {
        for (const tx of this.due) { // a Set yields what is added meanwhile, too
            this.due.delete(tx);
            try {
                await untilAnswered(() => this.read(tx), this.network, this.life);
            }
            catch (error) {
                if (!(error instanceof Refusal))
                    throw error;
                tx.refuse(error);
            }
        }
    }
    async read(tx) {
        if (tx.settled)
            return;
        const { body } = await this.http.ask(`/v1/transactions/${encodeURIComponent(tx.id)}`, {}, this.life);
        tx.take(viewOf(body));
    }
}
/** Reads a body as a transaction. A network that wants a login answers everything, even in JSON; that isn't one. */
export function viewOf(body) {
    const view = body;
    if (typeof view?.id === 'string' && typeof view.version === 'number' && ['pending', 'succeeded', 'failed'].includes(view.status))
        return view;
    throw new TryAgain('what answered is not the gateway');
}
