/** A few big numbers, underlined in the colour of their band. */

/** @import { Draw, Panel } from "../types.d.ts" */

import { h } from "../dom.js";
import { bandColour, label, text, unit } from "./format.js";

/** @param {HTMLElement} host @param {Panel} panel @returns {Draw} */
export function stat(host, panel) {
  const numbers = h("div.numbers");
  host.append(numbers);
  return (all) => {
    const boxes = panel.sources.map((source, n) => {
      const value = all[n]?.[0]?.value;
      return h(
        "div",
        { css: { "--tint": bandColour(panel, source, value) } },
        panel.sources.length > 1 && h("p.what", {}, label(source)),
        h("span.big", {}, text(source, value)),
        " ",
        value !== undefined && h("span.unit", {}, unit(source)),
      );
    });
    numbers.replaceChildren(...boxes);
  };
}
