// Shapes of SVG.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const made = (name, attributes = {}) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  /** A shape at the end of what is in another. */
  const shape = (parent, name, attributes) => parent.appendChild(made(name, attributes));

  globalThis.svg = { made, shape };
})();
