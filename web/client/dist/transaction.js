import { Listeners } from './listeners.js';
import { Closed } from './refusal.js';
const remembered = 8; // sendings
/** A transaction as this device knows it. */
export class Transaction {
    owner;
    changes = new Listeners();
    waiting = new Set();
    list = [];
    view;
    refusal;
    knownID;
    /** What was submitted; undefined of a transaction that was submitted elsewhere. @internal */
    entry;
    /** @internal */
    constructor(owner, { entry, id = entry?.id }) {
        this.owner = owner;
        this.entry = entry;
        this.knownID = id;
    }
    /** The idempotency key; undefined of a transaction from elsewhere that nothing is known of yet. */
    get key() {
        return this.entry?.key ?? this.view?.key;
    }
    /** The gateway's name for it, once it is acknowledged. */
    get id() {
        return this.knownID;
    }
    get status() {
        if (this.refusal)
            return 'refused';
        if (this.view)
            return this.view.status;
        return this.knownID ? 'pending' : 'sending';
    }
    /** It has ended: succeeded, failed or refused. */
    get settled() {
        return this.status !== 'sending' && this.status !== 'pending';
    }
    /** What the gateway showed last. */
    get transaction() {
        return this.view;
    }
    /** Why it was refused. */
    get error() {
        return this.refusal;
    }
    /** How it was sent from here, at most the latest eight times. */
    get sendings() {
        return this.list;
    }
    /** Calls listener after each change: it was sent, answered, settled, refused. Returns what ends that. */
    on(_event, listener) {
        const stop = this.changes.add(listener);
        if (this.settled)
            this.owner.told(this); // status says it
        return stop;
    }
    /**
     * Resolves with the verdict, succeeded or failed. Rejects with a Refusal if there will be none, or with Closed if the
     * client is closed before.
     */
    verdict() {
        const promise = new Promise((resolve, reject) => this.waiting.add({ resolve, reject }));
        this.answer();
        return promise;
    }
    /**
     * Tells the gateway that the user has seen the verdict, so that no device is told again. It is repeated until it is on
     * record. Rejects if there is no verdict to confirm, and as verdict does.
     */
    confirm() {
        return this.owner.confirm(this);
    }
    /** Takes a newer view; an older one, and whatever comes after the verdict, is passed over. @internal */
    take(view) {
        if (this.accept(view))
            this.changed();
    }
    /** @internal */
    refuse(error) {
        if (this.settled)
            return;
        this.refusal = error;
        this.changed();
    }
    /** Notes that it is sent, and returns what notes the answer and takes the view in it. @internal */
    sent(sentAt) {
        let sending = { sentAt };
        this.list.push(sending);
        if (this.list.length > remembered)
            this.list.shift();
        this.changed();
        return (answer, view) => {
            const at = this.list.indexOf(sending);
            sending = { ...sending, ...answer };
            if (at >= 0)
                this.list[at] = sending;
            if (view)
                this.accept(view);
            this.changed();
        };
    }
    /** Answers who waits for the verdict, if there is one or never will be. @internal */
    answer() {
        if (this.waiting.size === 0 || (!this.settled && !this.owner.closed))
            return;
        if (this.settled)
            this.owner.told(this);
        const waiting = [...this.waiting];
        this.waiting.clear();
        for (const { resolve, reject } of waiting) {
            if (this.view && this.settled && !this.refusal)
                resolve(this.view);
            else
                reject(this.refusal ?? new Closed());
        }
    }
    accept(view) {
        if (this.settled || (this.view && view.version <= this.view.version))
            return false;
        this.knownID = view.id;
        this.view = view;
        return true;
    }
    changed() {
        this.owner.changed(this);
        if (this.settled && this.changes.size > 0)
            this.owner.told(this);
        this.changes.tell(this);
        this.answer();
    }
}
