import type { Storage } from './types.js';

/** Keeps transactions as long as the process lives. */
export function memoryStorage(): Storage {
  const kept = new Map<string, string>();
  return {
    get: (name) => kept.get(name),
    set: (name, value) => { kept.set(name, value); },
    delete: (name) => { kept.delete(name); },
    keys: () => [...kept.keys()],
  };
}

/** The browser's localStorage, or memory where there is none or it is forbidden. */
export function defaultStorage(): Storage {
  const local = localStorageIfAny();
  if (!local) return memoryStorage();
  return {
    get: (name) => local.getItem(name),
    set: (name, value) => local.setItem(name, value),
    delete: (name) => local.removeItem(name),
    keys: () => Object.keys(local),
  };
}

function localStorageIfAny(): globalThis.Storage | undefined {
  if (typeof document === 'undefined') return undefined; // Node has one too, but shared by all programs, or a warning
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // a SecurityError
  }
}

/** What is kept of a transaction: enough to send it again as it was, or to ask what became of it. */
export interface Entry {
  readonly key: string;
  readonly operation: string;
  readonly body: string;
  /** When it was submitted, in ms since 1970. */
  readonly at: number;
  readonly id?: string;
}

/** The shelf of one user's transactions in a storage. */
export class Shelf {
  private readonly prefix: string;
  private last: Promise<unknown> = Promise.resolve(); // writes follow one another, so that the last one stands

  constructor(private readonly storage: Storage, user: string) {
    this.prefix = `verdict:${encodeURIComponent(user)}:`;
  }

  put(entry: Entry): Promise<void> {
    return this.after(() => this.storage.set(this.name(entry), JSON.stringify(entry)));
  }

  remove(entry: Entry): Promise<void> {
    return this.after(() => this.storage.delete(this.name(entry)));
  }

  /** Resolves when what was written before is written, or has failed. */
  settled(): Promise<void> {
    return this.after(() => {});
  }

  /** Reads all; what can't be read isn't ours, and stays. */
  async list(): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (const name of await this.storage.keys()) {
      if (!name.startsWith(this.prefix)) continue;
      const entry = parse(await this.storage.get(name));
      if (entry) entries.push(entry);
    }
    return entries;
  }

  private after(write: () => void | Promise<void>): Promise<void> {
    const done = this.last.then(write);
    this.last = done.catch(() => {});
    return done;
  }

  private name({ operation, key }: Entry): string {
    return `${this.prefix}${operation}:${key}`;
  }
}

function parse(text: string | null | undefined): Entry | undefined {
  try {
    const entry = JSON.parse(text ?? 'null') as Entry | null;
    return entry?.key && entry.body && entry.at ? entry : undefined;
  } catch {
    return undefined;
  }
}
