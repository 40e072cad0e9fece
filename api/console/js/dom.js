/** Elements, made in one call and never from text that could be markup. */

/**
 * @typedef {Node | string | number | null | undefined | false} Leaf
 * @typedef {Leaf | Leaf[] | (Leaf | Leaf[])[]} Child
 */

/**
 * Make an element: `h("a.quiet", { href: "#/map" }, "Map")`.
 * @param {string} spec Tag, then classes, parted by dots.
 * @param {Record<string, unknown>} [props] `on…` are listeners, `data` is the dataset, `css` custom properties, others
 *     attributes; null and false are left out.
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(spec, props = {}, ...children) {
  const [tag = "div", ...classes] = spec.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name === "css") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  const leaves = /** @type {Leaf[]} */ (children.flat(3));
  for (const leaf of leaves) {
    if (leaf !== null && leaf !== undefined && leaf !== false)
      element.append(leaf instanceof Node ? leaf : String(leaf));
  }
  return element;
}

/** An input, select or button, of which the views read values. @param {Parameters<typeof h>} made */
export const input = (...made) => /** @type {HTMLInputElement} */ (h(...made));

/** Find what index.html holds. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no #${id} in the page`);
  return found;
}

/**
 * Change a text only where it differs, so that nothing repaints and no screen reader speaks for nothing.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Read a custom property of the present theme. @param {string} name */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
