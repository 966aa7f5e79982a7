import { Listeners } from './listeners.js';

/** How long something goes on. Unlike an AbortSignal it may have thousands of listeners without a warning in Node. */
export class Lifetime {
  private readonly listeners = new Listeners<[]>();
  private over = false;

  get ended(): boolean {
    return this.over;
  }

  /** Calls listener when it ends. Returns what takes that back. */
  onEnd(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.listeners.tell();
  }
}
