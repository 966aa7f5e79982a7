// What an app has no need of, and this page shows: how a payment goes behind the scenes, and when exactly it was answered.

// timeline returns a transaction and all that was learned of it, or null if the gateway doesn't know it.
export async function timeline(id, signal) {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  const answer = await fetch(`/v1/transactions/${encodeURIComponent(id)}/timeline`, { signal: limit });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`The gateway answered ${answer.status}.`);
  return answer.json();
}

// requestsOf tells a transaction's sendings as the timeline draws them.
export const requestsOf = (tx) => tx.sendings.map((sending) => ({
  sent: sending.sentAt, acked: sending.lost ? undefined : answered(sending), code: sending.status,
  replayed: sending.replayed, lost: sending.lost,
}));

const known = new WeakMap(); // when each sending was answered

// answered is when the answer to a sending came from the network. The page learns of it later, when it has drawn itself;
// the browser's own record (Resource Timing) knows better, if it has been written already.
function answered(sending) {
  if (!sending.answeredAt || known.has(sending)) return known.get(sending);
  const at = (moment) => performance.timeOrigin + moment;
  const record = performance.getEntriesByType('resource').findLast((entry) => entry.name.endsWith('/v1/transactions')
    && at(entry.startTime) >= sending.sentAt && entry.responseStart > 0 && at(entry.responseStart) <= sending.answeredAt);
  known.set(sending, record ? at(record.responseStart) : sending.answeredAt);
  return known.get(sending);
}
