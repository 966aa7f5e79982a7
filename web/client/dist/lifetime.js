import { Listeners } from './listeners.js';
/** How long something goes on. Unlike an AbortSignal it may have thousands of listeners without a warning in Node. */
export class Lifetime {
    listeners = new Listeners();
    over = false;
    get ended() {
        return this.over;
    }
    /** Calls listener when it ends. Returns what takes that back. */
    onEnd(listener) {
        return this.listeners.add(listener);
    }
    end() {
        if (this.over)
            return;
        this.over = true;
        this.listeners.tell();
    }
}
