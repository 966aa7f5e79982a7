import { Lifetime } from './lifetime.js';
import { backoff } from './network.js';
const patience = 10_000; // ms to open
const silence = 40_000; // ms without a sign of life after which a connection is dead
const doubt = 20_000; // ms of silence after which an app that is in the foreground again opens another
const steady = 10_000; // ms that a connection lasts if it is a good one
/** The one connection of a client. It is open, or being opened, while something is awaited. */
export class Connection {
    transports;
    network;
    hearer;
    ids = new Set();
    everything = false;
    after;
    running;
    link;
    reopen = () => { };
    constructor(transports, network, hearer) {
        this.transports = transports;
        this.network = network;
        this.hearer = hearer;
    }
    /** Awaits a transaction's verdict. */
    listen(transaction) {
        if (this.ids.has(transaction))
            return;
        this.ids.add(transaction);
        if (!this.running)
            this.start();
        else if (this.link && !this.link.add(transaction))
            this.reopen();
    }
    ignore(transaction) {
        this.ids.delete(transaction);
        this.rest();
    }
    /** Awaits every verdict of the user's, or no longer. */
    listenToAll(wanted) {
        if (this.everything === wanted)
            return;
        this.everything = wanted;
        if (!wanted)
            return this.rest();
        if (this.running)
            this.reopen();
        else
            this.start();
    }
    close() {
        this.ids.clear();
        this.everything = false;
        this.rest();
    }
    // rest closes the connection when there is nothing to wait for.
    rest() {
        if (!this.everything)
            this.after = undefined;
        if (this.everything || this.ids.size > 0)
            return;
        this.running?.end();
        this.running = undefined;
    }
    start() {
        this.running = new Lifetime();
        this.run(this.running).catch(() => { }); // it was ended
    }
    // run opens one connection after the other. Of two that never opened in a row the next one uses another transport, and
    // meanwhile what is awaited is looked up.
    async run(life) {
        for (let turn = 0, unopened = 0, failures = 0; !life.ended;) {
            const began = Date.now();
            const end = await this.serve(this.transports[turn % this.transports.length], life);
            if (end.atOnce || life.ended)
                continue;
            unopened = end.opened ? 0 : unopened + 1;
            failures = end.opened && Date.now() - began > steady ? 0 : failures + 1;
            if (unopened > 0 && unopened % 2 === 0)
                turn++;
            if (end.refused || unopened > 1)
                for (const id of this.ids)
                    this.hearer.lookUp(id);
            await this.network.pause(Math.max(end.retry ?? 0, backoff(Math.max(1, failures))), end.retryAfter ?? 0, life);
        }
    }
    // serve opens a connection and resolves when it has ended.
    serve(transport, life) {
        return new Promise((resolve) => {
            let opened = false, ended = false, lastSign = Date.now();
            let link;
            let retry, watchdog;
            const finish = (end) => {
                if (ended)
                    return;
                ended = true;
                clearTimeout(watchdog);
                unheed();
                stay();
                this.reopen = () => { };
                link?.close();
                this.link = undefined;
                resolve({ ...end, opened, ...(retry !== undefined && { retry }) });
            };
            const watch = () => {
                clearTimeout(watchdog);
                watchdog = setTimeout(() => finish({}), opened ? silence : patience);
            };
            const heed = (change) => {
                if (change === 'offline')
                    finish({});
                else if (change === 'online' || Date.now() - lastSign > doubt)
                    finish({ atOnce: true });
            };
            const unheed = this.network.onChange(heed);
            const stay = life.onEnd(() => finish({}));
            const live = (act) => (...args) => { if (!ended)
                act(...args); };
            const sink = {
                alive: live(() => { lastSign = Date.now(); watch(); }),
                opened: live(() => { opened = true; watch(); }),
                position: live((after) => { if (this.everything)
                    this.after = Math.max(this.after ?? 0, after); }),
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
