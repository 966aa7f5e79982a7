/** Functions to be called when something happens. */
export class Listeners {
    all = new Set();
    get size() {
        return this.all.size;
    }
    /** Adds a listener and returns what removes it. */
    add(listener) {
        const own = (...args) => listener(...args); // the same function may listen twice
        this.all.add(own);
        return () => { this.all.delete(own); };
    }
    /** Calls all. What one throws is reported as uncaught, and doesn't keep the others from hearing. */
    tell(...args) {
        for (const listener of [...this.all]) {
            try {
                listener(...args);
            }
            catch (error) {
                queueMicrotask(() => { throw error; });
            }
        }
    }
}
