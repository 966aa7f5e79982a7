/** Keeps transactions as long as the process lives. */
export function memoryStorage() {
    const kept = new Map();
    return {
        get: (name) => kept.get(name),
        set: (name, value) => { kept.set(name, value); },
        delete: (name) => { kept.delete(name); },
        keys: () => [...kept.keys()],
    };
}
/** The browser's localStorage, or memory where there is none or it is forbidden. */
export function defaultStorage() {
    const local = localStorageIfAny();
    if (!local)
        return memoryStorage();
    return {
        get: (name) => local.getItem(name),
        set: (name, value) => local.setItem(name, value),
        delete: (name) => local.removeItem(name),
        keys: () => Object.keys(local),
    };
}
function localStorageIfAny() {
    if (typeof document === 'undefined')
        return undefined; // Node has one too, but shared by all programs, or a warning
    try {
        return globalThis.localStorage;
    }
    catch {
        return undefined; // a SecurityError
    }
}
/** The shelf of one user's transactions in a storage. */
export class Shelf {
    storage;
    prefix;
    last = Promise.resolve(); // writes follow one another, so that the last one stands
    constructor(storage, user) {
        this.storage = storage;
        this.prefix = `verdict:${encodeURIComponent(user)}:`;
    }
    put(entry) {
        return this.after(() => this.storage.set(this.name(entry), JSON.stringify(entry)));
    }
    remove(entry) {
        return this.after(() => this.storage.delete(this.name(entry)));
    }
    /** Resolves when what was written before is written, or has failed. */
    settled() {
        return this.after(() => { });
    }
    /** Reads all; what can't be read isn't ours, and stays. */
    async list() {
        const entries = [];
        for (const name of await this.storage.keys()) {
            if (!name.startsWith(this.prefix))
                continue;
            const entry = parse(await this.storage.get(name));
            if (entry)
                entries.push(entry);
        }
        return entries;
    }
    after(write) {
        const done = this.last.then(write);
        this.last = done.catch(() => { });
        return done;
    }
    name({ operation, key }) {
        return `${this.prefix}${operation}:${key}`;
    }
}
function parse(text) {
    try {
        const entry = JSON.parse(text ?? 'null');
        return entry?.key && entry.body && entry.at ? entry : undefined;
    }
    catch {
        return undefined;
    }
}
