/** Functions to be called when something happens. */
export class Listeners<A extends unknown[]> {
  private readonly all = new Set<(...args: A) => void>();

  get size(): number {
    return this.all.size;
  }

  /** Adds a listener and returns what removes it. */
  add(listener: (...args: A) => void): () => void {
    const own = (...args: A) => listener(...args); // the same function may listen twice
    this.all.add(own);
    return () => { this.all.delete(own); };
  }

  /** Calls all. What one throws is reported as uncaught, and doesn't keep the others from hearing. */
  tell(...args: A): void {
    for (const listener of [...this.all]) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => { throw error; });
      }
    }
  }
}
