// Waiting, with jitter: clients that lost the same server must not come back in step.

// now is the wall clock in ms, finer than Date.now.
export const now = () => performance.timeOrigin + performance.now();

// pause is how long to wait in ms after so many failures: random, up to 10 s.
export const pause = (failures) => 100 + Math.random() * Math.min(10_000, 250 * 2 ** failures);

// sleep waits; an aborted signal rejects it at once.
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => { clearTimeout(timer); reject(signal.reason); };
    const timer = setTimeout(() => { signal?.removeEventListener('abort', stop); resolve(); }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
