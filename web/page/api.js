import { now, pause, sleep } from './backoff.js';

// Refusal is an answer that trying again won't change; message is for the reader.
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The gateway answered ${status}.`);
    this.status = status;
  }
}

const patience = 10_000; // ms for one try
const tries = 6;

// newKey makes the key of a payment, before its first try. randomUUID exists on secure origins only.
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

// submit sends a payment until it is on record. After a lost connection, or a gateway that is too busy, it sends the same
// key again, so it can't pay twice. It throws a Refusal, or the last error when every try has failed.
export async function submit(key, body, base = '') {
  performance.clearResourceTimings(); // the browser keeps 250, and answered needs the next
  const sent = now();
  for (let failures = 0; ; ) {
    const began = performance.now();
    let wait;
    try {
      const answer = await fetch(`${base}/v1/transactions`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body,
        signal: AbortSignal.timeout(patience),
      });
      if (answer.ok) {
        const replayed = answer.headers.get('Idempotent-Replayed') === 'true';
        const view = await answer.json();
        return { view, request: { sent, acked: answered(began), code: answer.status, replayed } };
      }
      if (++failures === tries || !passing(answer.status)) throw await refusal(answer);
      wait = 1000 * Number(answer.headers.get('Retry-After') ?? 0);
    } catch (error) {
      if (error instanceof Refusal || ++failures >= tries) throw error;
    }
    await sleep(Math.max(wait || 0, pause(failures)));
  }
}

// answered is when the answer to the submit that began then came from the network. The page learns of it later, when it
// has drawn itself; the browser's own record (Resource Timing) knows better, if it has been written already.
function answered(began) {
  const record = performance.getEntriesByType('resource')
    .find((entry) => entry.startTime >= began && entry.responseStart > 0 && entry.name.endsWith('/v1/transactions'));
  return record ? performance.timeOrigin + record.responseStart : now();
}

// lookUp returns a transaction as it stands.
export const lookUp = (id, signal) => get(`/v1/transactions/${encodeURIComponent(id)}`, signal);

// timeline returns a transaction and all that was learned of it.
export const timeline = (id, signal) => get(`/v1/transactions/${encodeURIComponent(id)}/timeline`, signal);

async function get(path, signal) {
  const limit = AbortSignal.timeout(patience);
  const answer = await fetch(path, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
  if (!answer.ok) throw await refusal(answer);
  return answer.json();
}

const passing = (status) => status === 429 || status >= 500;

async function refusal(answer) {
  return new Refusal(answer.status, await answer.json().catch(() => ({})));
}
