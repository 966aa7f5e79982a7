/** What the gateway shows of a transaction. */
export interface View {
  readonly id: string;
  readonly operation: string;
  readonly key: string;
  readonly provider: string;
  readonly status: 'pending' | 'succeeded' | 'failed';
  readonly stage: string;
  /** Why it failed, in the partner's or the gateway's words. */
  readonly reason?: string;
  readonly version: number;
  readonly created_at: string;
  readonly settled_at?: string;
}

/** A problem document (RFC 9457) with two answers a client needs before it tries again. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  /** The same request may be sent again as it is. */
  readonly retry_safe?: boolean;
  /** The request was not carried out, so a new key can't make it act twice. */
  readonly new_key_safe?: boolean;
}

/** What an app asks for. */
export interface Submission {
  /** The gateway's default if left out. */
  operation?: string;
  /** The gateway's default if left out. */
  provider?: string;
  /** At most 16 KiB of JSON. */
  payload: object;
  /** 1 to 255 printable ASCII characters that no other transaction of the user has. A random one is made if it is left out. */
  key?: string;
}

/** One sending of a transaction, in ms since 1970 by this device's clock. */
export interface Sending {
  readonly sentAt: number;
  /** When the answer had been read; undefined while there is none, or when it got lost. */
  readonly answeredAt?: number;
  /** The answer's HTTP status. */
  readonly status?: number;
  /** An earlier sending had made the transaction already. */
  readonly replayed?: boolean;
  /** There was no answer that counts; it is sent again. */
  readonly lost?: boolean;
}

/**
 * Where transactions are kept until the app was told how they ended. Each method may return a promise. Only names that
 * begin with "verdict" are used.
 */
export interface Storage {
  get(name: string): string | null | undefined | Promise<string | null | undefined>;
  set(name: string, value: string): void | Promise<void>;
  delete(name: string): void | Promise<void>;
  keys(): Iterable<string> | Promise<Iterable<string>>;
}

/** A WebSocket as browsers and React Native have it, and npm's "ws". */
export interface WebSocketConstructor {
  new (url: string, protocol: string): WebSocketLike;
}

/** The part of a WebSocket that is used. */
export interface WebSocketLike {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}

/** How a client reaches its gateway. */
export interface Options {
  /** The gateway's address, such as https://pay.example. */
  url: string;
  /** A JWT or API key, or what fetches one. Leave it out where a cookie says who the user is. */
  token?: string | (() => string | Promise<string>);
  /** Whose transactions these are. On a shared device it keeps one user's from being sent as another's. */
  user?: string;
  /** localStorage if there is one, else memory. */
  storage?: Storage;
  /**
   * For how many ms from its first sending a transaction whose acknowledgement got lost may be sent again. Keep it below
   * the gateway's idempotency.retention, after which the same key would act again. 12 hours if left out.
   */
  keyLife?: number;
  /** How verdicts are pushed. 'auto', the default, tries WebSocket first. */
  transport?: 'auto' | 'ws' | 'sse';
  /** Where there is no global one, as in Node 20. */
  WebSocket?: WebSocketConstructor;
  fetch?: typeof fetch;
}
