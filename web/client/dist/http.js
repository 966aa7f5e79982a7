import { Closed, Refusal, TryAgain } from './refusal.js';
const patience = 10_000; // ms for one request and its answer
/** Requests to the gateway, each once, but that a token which has expired is replaced. Throws Refusal or TryAgain. */
export class Http {
    options;
    base;
    fetch;
    cached;
    constructor(options) {
        this.options = options;
        this.base = options.url.replace(/\/+$/, '');
        const given = options.fetch ?? globalThis.fetch;
        this.fetch = (input, init) => given(input, init); // browsers want fetch to be called without a this
    }
    /** Resolves with undefined where no token is configured. */
    async token() {
        const { token } = this.options;
        if (typeof token !== 'function')
            return token;
        this.cached ??= (async () => token())();
        try {
            return await this.cached;
        }
        catch (error) {
            this.cached = undefined;
            throw new TryAgain(`fetch a token: ${error}`);
        }
    }
    /** Has the next request ask for a new token, if one can be asked for. */
    renew() {
        this.cached = undefined;
    }
    /** Sends a request and reads its answer. */
    async ask(path, request, life) {
        const limit = new AbortController();
        const abort = () => limit.abort();
        const timer = setTimeout(abort, patience);
        const stay = life.onEnd(abort);
        try {
            if (life.ended)
                throw new Closed();
            const response = await this.open(path, request, limit.signal);
            const replayed = response.headers.get('Idempotent-Replayed') === 'true';
            return { status: response.status, replayed, body: await response.json() };
        }
        catch (error) {
            if (life.ended)
                throw new Closed();
            throw error instanceof Refusal || error instanceof TryAgain ? error : new TryAgain(String(error));
        }
        finally {
            clearTimeout(timer);
            stay();
        }
    }
    /** Sends a request and returns a good answer with its body unread. */
    async open(path, request, signal) {
        const token = await this.token();
        const used = this.cached;
        const response = await this.send(path, request, token, signal);
        if (response.ok)
            return response;
        const refused = await failure(response);
        if (response.status !== 401 || !used)
            throw refused;
        if (used === this.cached)
            this.renew(); // unless another request has done so
        const again = await this.send(path, request, await this.token(), signal);
        if (again.ok)
            return again;
        throw await failure(again);
    }
    send(path, { headers, ...rest }, token, signal) {
        const credentials = token ? { Authorization: `Bearer ${token}` } : {};
        // A redirect would make a GET of a POST; whoever redirects isn't the gateway.
        return this.fetch(this.base + path, { ...rest, headers: { ...headers, ...credentials }, signal, redirect: 'error', cache: 'no-store' });
    }
}
async function failure(response) {
    const { status } = response;
    const problem = await problemOf(response);
    const again = problem?.retry_safe ?? ([408, 425, 429].includes(status) || status >= 500);
    if (!again || status === 404)
        return new Refusal(status, problem ?? {});
    return new TryAgain(problem?.title ?? `The gateway answered ${status}.`, retryAfter(response.headers.get('Retry-After')), status);
}
async function problemOf(response) {
    const text = await response.text(); // all of it, so that its connection can be used again
    return response.headers.get('Content-Type')?.startsWith('application/problem+json') ? JSON.parse(text) : undefined;
}
/** Reads Retry-After (RFC 9110 section 10.2.3), seconds or a date, as ms from now. */
export function retryAfter(value) {
    if (!value)
        return 0;
    const ms = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
    return ms > 0 ? ms : 0;
}
