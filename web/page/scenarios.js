// What may go wrong, in words for the reader and as orders for the partner simulator. Its durations are in the time of a
// real partner; the one behind this page lives ten times faster.

export const scenarios = {
  well: {
    story: 'Nothing goes wrong. The partner answers soon and confirms by webhook; the confirmation changes nothing any more.',
    simulate: { status: 'completed', reply: 'ok', reply_after: '4s', webhook: 'once' },
  },
  twice: {
    story: 'A nervous thumb: two requests leave at once, with the same key. Both get the same transaction, and the partner is asked once.',
    simulate: { status: 'completed', reply: 'ok', reply_after: '8s', webhook: 'once' },
    taps: 2,
  },
  slow: {
    story: 'The partner takes its time. The app had its acknowledgement long before, so no request hangs and none times out.',
    simulate: { status: 'completed', reply: 'ok', reply_after: '28s', webhook: 'once', webhook_after: '34s' },
  },
  webhook: {
    story: 'The partner pays, but its answer is lost on the way and the webhook never comes. Verdict asks, on schedule, and finds out.',
    simulate: { status: 'completed', reply: 'lost', reply_after: '5s', webhook: 'none' },
    silence: 'answer lost',
  },
  through: {
    story: 'The partner says 504, and pays all the same. A timeout is not a “no”: the payment stays pending until a check tells.',
    simulate: { status: 'completed', reply: 'timeout', settles: true, settles_after: '50s', webhook: 'none' },
    silence: '504 Timeout',
  },
  nowhere: {
    story: 'The partner says 504, and never had it. “Not found” counts only once the partner has had its time; here that takes a while.',
    simulate: { status: 'completed', reply: 'timeout', settles: false, webhook: 'none' },
    silence: '504 Timeout',
  },
  declined: {
    story: 'The partner says no. A refusal is an answer like any other: it is put on record, and pushed at once.',
    simulate: { status: 'declined', reply: 'ok', reply_after: '4s', webhook: 'once' },
  },
  offline: {
    story: 'The phone loses its network while the payment is on its way. The verdict waits, and is there the moment the phone is back.',
    simulate: { status: 'completed', reply: 'ok', reply_after: '15s', webhook: 'none' },
    leaves: true,
  },
};

// example is a payment as it mostly goes, for the picture before the first one.
const at = (ms) => new Date(ms).toISOString();
export const example = {
  payment: { status: 'succeeded', tapped: 0, requests: [{ sent: 0, acked: 3, code: 202 }], away: [], pushed: 904 },
  entries: [
    { kind: 'accepted', at: at(1) },
    { kind: 'sending', at: at(4) },
    { kind: 'reply', outcome: 'succeeded', at: at(900) },
    { kind: 'verdict', outcome: 'succeeded', at: at(900) },
    { kind: 'webhook', outcome: 'succeeded', at: at(1900) },
  ],
};
