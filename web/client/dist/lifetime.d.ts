/** How long something goes on. Unlike an AbortSignal it may have thousands of listeners without a warning in Node. */
export declare class Lifetime {
    private readonly listeners;
    private over;
    get ended(): boolean;
    /** Calls listener when it ends. Returns what takes that back. */
    onEnd(listener: () => void): () => void;
    end(): void;
}
