/** Elements, made in one call and never from text that could be markup. */

/**
 * Make an element: `h("a.quiet", { href: "#/map" }, "Map")`.
 * @param {string} spec Tag, then classes, parted by dots.
 * @param {Object<string, unknown>} [props] `on…` are listeners, `data` is the dataset, `css` custom properties, others
 *     attributes; null and false are left out.
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "css") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Find by id. */
export const byId = (id) => document.getElementById(id);

/** Change a text only where it differs, so that nothing repaints and no screen reader speaks for nothing. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Read a custom property of the present theme. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
