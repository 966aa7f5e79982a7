// What happens behind the scenes of the payment on the phone: the figures, the lanes, and the same in words.

import { createLanes } from './lanes.js';
import { example, scenarios } from './scenarios.js';
import { figures, tell } from './timeline.js';
import { duration } from './words.js';

// createScenes shows an example until show is called with a payment and the entries of its timeline.
export function createScenes(root, clock) {
  const part = (id) => root.querySelector(`#${id}`);
  const lanes = createLanes(part('lanes'));
  lanes.show(tell(example.payment, example.entries), () => 0);

  function show(payment, entries) {
    const story = tell(payment, entries, scenarios[payment.scenario]?.silence);
    part('lanes').classList.remove('idle');
    lanes.show(story, () => clock() - payment.tapped);
    part('telling').replaceChildren(...story.marks.map(line));
    const { acked, sends, verdict, pushed } = figures(payment, entries);
    part('figure-acked').textContent = time(acked);
    part('figure-sends').textContent = times(sends);
    part('figure-verdict').textContent = time(verdict);
    part('figure-pushed').textContent = time(pushed);
  }
  return { show };
}

function line(mark) {
  const item = document.createElement('li');
  item.textContent = `${duration(mark.at)}: ${mark.text}`;
  return item;
}

const none = '–';
const time = (ms) => (ms === null ? none : duration(ms));
const times = (n) => [none, 'once', 'twice'][n] ?? `${n} times`;
