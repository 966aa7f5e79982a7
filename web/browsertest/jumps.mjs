// How much a page moved about, as web.dev's Cumulative Layout Shift (https://web.dev/articles/cls) has it.

// greatest returns the session window of the greatest value: shifts less than 1 s apart, over 5 s at the most. shifts are in order,
// each with the ms that it was at, its value, and what moved.
export function greatest(shifts) {
  let window, most = { value: 0, moved: [] };
  for (const { at, value, moved } of shifts) {
    if (!window || at - window.last >= 1000 || at - window.first >= 5000) window = { first: at, value: 0, moved: [] };
    window = { first: window.first, last: at, value: window.value + value, moved: [...window.moved, ...moved] };
    if (window.value > most.value) most = window;
  }
  return most;
}
