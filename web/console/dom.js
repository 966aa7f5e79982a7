// HTML by hand. Text is only ever set as text: apps and partners wrote some of it.

// h returns an element. Attributes that are functions are listeners, true is an attribute without a value, and those that are
// false or missing are left out; children are elements or text.
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ''));
  return element;
}

const kept = new WeakMap(); // from a parent to what keyed made for it: by key, what the item said and its element

// keyed makes the children of an element those of a list, and leaves alone what says the same as before: so the focus, and what
// somebody has opened, stay where they are.
export function keyed(parent, items, key, draw) {
  const before = kept.get(parent) ?? new Map(), now = new Map();
  for (const item of items) {
    const old = before.get(key(item)), says = JSON.stringify(item);
    now.set(key(item), old?.says === says ? old : { says, element: replaced(old, draw(item)) });
  }
  for (const [name, { element }] of before) {
    if (now.get(name)?.element !== element) element.remove();
  }
  [...now.values()].forEach(({ element }, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
  kept.set(parent, now);
}

// replaced puts an element in the place of the one before it, with the focus on what does the same.
function replaced(old, element) {
  if (!old?.element.isConnected) return element;
  const focused = old.element.contains(document.activeElement) && document.activeElement.dataset.does;
  old.element.replaceWith(element);
  if (focused) element.querySelector(`[data-does="${focused}"]`)?.focus();
  return element;
}
