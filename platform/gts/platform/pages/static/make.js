// What the panels of the form share: elements, and words with {places} to fill in.

export const make = (name, properties = {}, ...children) => {
  const { data = {}, attributes = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(name), rest);
  Object.assign(element.dataset, data);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

export const filled = (words, values) => words.replace(/\{(\w+)\}/g, (_, key) => values[key]);
