import type { Lifetime } from './lifetime.js';
import type { Options } from './types.js';
/** What came back, with a body that was JSON. */
export interface Answer {
    readonly status: number;
    readonly replayed: boolean;
    readonly body: unknown;
}
interface Request {
    method?: string;
    headers?: Record<string, string>;
    body?: string;
}
/** Requests to the gateway, each once, but that a token which has expired is replaced. Throws Refusal or TryAgain. */
export declare class Http {
    private readonly options;
    readonly base: string;
    private readonly fetch;
    private cached;
    constructor(options: Options);
    /** Resolves with undefined where no token is configured. */
    token(): Promise<string | undefined>;
    /** Has the next request ask for a new token, if one can be asked for. */
    renew(): void;
    /** Sends a request and reads its answer. */
    ask(path: string, request: Request, life: Lifetime): Promise<Answer>;
    /** Sends a request and returns a good answer with its body unread. */
    open(path: string, request: Request, signal: AbortSignal): Promise<Response>;
    private send;
}
/** Reads Retry-After (RFC 9110 section 10.2.3), seconds or a date, as ms from now. */
export declare function retryAfter(value: string | null): number;
export {};
