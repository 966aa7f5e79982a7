// Times as people read them, in the browser's time zone.

import { duration } from './words.js';
import { h } from './dom.js';

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

// at writes a time, with the day if it isn't today.
export function at(time) {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

// moment is an element that says when; the exact time is its title.
export const moment = (time) => h('time', { datetime: time, title: time }, at(time));

// age is an element that says how long ago something was. freshen keeps it true.
export function age(time) {
  const element = h('time', { datetime: time, title: time, class: 'age' });
  grow(element);
  return element;
}

// freshen brings all ages on the page up to date.
export const freshen = () => document.querySelectorAll('time.age').forEach(grow);

function grow(element) {
  const since = Date.now() - Date.parse(element.dateTime);
  const words = since < 5000 ? 'just now' : `${duration(Math.max(since, 1000)).replace(/\.\d+/, '').split(' ')[0]} ago`;
  if (element.textContent !== words) element.textContent = words;
}
