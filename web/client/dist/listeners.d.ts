/** Functions to be called when something happens. */
export declare class Listeners<A extends unknown[]> {
    private readonly all;
    get size(): number;
    /** Adds a listener and returns what removes it. */
    add(listener: (...args: A) => void): () => void;
    /** Calls all. What one throws is reported as uncaught, and doesn't keep the others from hearing. */
    tell(...args: A): void;
}
