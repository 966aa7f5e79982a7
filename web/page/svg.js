// SVG by hand.

// text returns an element with words at a place.
export function text(words, x, y, name) {
  const element = node('text', { class: name, x, y });
  element.textContent = words;
  return element;
}

// node returns an SVG element.
export function node(name, attributes = {}) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
