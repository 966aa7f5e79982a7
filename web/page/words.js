// Amounts are whole francs, kept as a string of digits; times are in ms.

const narrow = '\u202f';

// digits keeps what can be paid of what was typed: at most seven digits, without leading zeros.
export const digits = (typed) => typed.replace(/\D/g, '').replace(/^0+/, '').slice(0, 7);

// grouped writes 2500 as 2 500.
export const grouped = (amount) => amount.replace(/\B(?=(\d{3})+$)/g, narrow);

// inWords is an amount with its currency, on one line.
export const inWords = (amount) => `${grouped(amount)}\u00a0FCFA`;

// duration writes ms as a reader says them.
export function duration(ms) {
  const t = Math.max(0, ms);
  if (t < 9.95) return `${t.toFixed(1)}\u00a0ms`;
  if (t < 999.5) return `${Math.round(t)}\u00a0ms`;
  if (t >= 119_500) return long(Math.round(t / 1000));
  return `${(t / 1000).toFixed(t < 9995 ? 2 : 1)}\u00a0s`;
}

// long writes seconds from two minutes on, in the two largest units that count.
function long(seconds) {
  const units = [['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  const [unit, size] = units[first], [below, less] = units[first + 1];
  const whole = Math.floor(seconds / size), rest = Math.floor((seconds % size) / less);
  return `${whole}\u00a0${unit}` + (rest ? ` ${rest}\u00a0${below}` : '');
}
