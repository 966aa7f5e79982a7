import type { Http } from './http.js';
import type { Lifetime } from './lifetime.js';
import { viewOf } from './lookups.js';
import { now, type Network } from './network.js';
import { Refusal } from './refusal.js';
import { untilAnswered } from './retry.js';
import type { Entry } from './storage.js';
import type { Transaction } from './transaction.js';
import type { Submission } from './types.js';

const defaultOperation = 'transaction'; // what the gateway takes for one that is left out

/** Makes what is kept of a submission, with its key and exact body. Throws if it can't be sent. */
export function entryOf({ operation, provider, payload, key = randomKey() }: Submission): Entry {
  if (!/^[ -~]{1,255}$/.test(key)) throw new RangeError('key: give 1 to 255 printable ASCII characters');
  return { key, operation: operation ?? defaultOperation, body: JSON.stringify({ operation, provider, payload }), at: Date.now() };
}

function randomKey(): string {
  const { crypto } = globalThis;
  if (crypto?.randomUUID) return crypto.randomUUID();
  if (!crypto?.getRandomValues) throw new Error('there is no crypto.getRandomValues to make a key: load a polyfill, or give a key');
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Sends transactions, each with the same key and bytes every time, until it is acknowledged, refused or settled. */
export class Sender {
  constructor(
    private readonly http: Http,
    private readonly network: Network,
    private readonly life: Lifetime,
    private readonly keyLife = 12 * 60 * 60 * 1000,
  ) {}

  /** Sends a transaction; doubtful says that an earlier sending may have arrived. */
  async send(tx: Transaction, doubtful: boolean): Promise<void> {
    try {
      await untilAnswered(() => this.attempt(tx, tx.entry!, doubtful).catch((error) => {
        doubtful ||= !(error instanceof Refusal);
        throw error;
      }), this.network, this.life);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      tx.refuse(doubtful ? new Refusal(error.status, error.problem, false) : error);
    }
  }

  private async attempt(tx: Transaction, entry: Entry, doubtful: boolean): Promise<void> {
    if (tx.status !== 'sending') return;
    if (doubtful && Date.now() - entry.at > this.keyLife) return this.find(tx, entry);
    const answered = tx.sent(now());
    try {
      const { status, replayed, body } = await this.http.ask('/v1/transactions', requestOf(entry), this.life);
      answered({ answeredAt: now(), status, replayed }, viewOf(body));
    } catch (error) {
      const { status } = error as { status?: number };
      answered({ lost: !(error instanceof Refusal), ...(status && { status, answeredAt: now() }) });
      throw error;
    }
  }

  // find looks for a transaction whose key the gateway may have forgotten: sent again it could act twice.
  private async find(tx: Transaction, { key, operation }: Entry): Promise<void> {
    const query = `key=${encodeURIComponent(key)}&operation=${encodeURIComponent(operation)}`;
    const { body } = await this.http.ask(`/v1/transactions?${query}`, {}, this.life);
    tx.take(viewOf(body));
  }
}

function requestOf({ key, body }: Entry) {
  const quoted = `"${key.replace(/["\\]/g, '\\$&')}"`; // RFC 8941 section 3.3.3
  return { method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': quoted }, body };
}
