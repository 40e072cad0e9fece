/** A few big numbers, underlined in the colour of their band. */

import { h } from "../dom.js";
import { tinted, written } from "./writing.js";

/** @returns {(rows: object[][]) => void} */
export function stat(host, panel) {
  const numbers = h("div.numbers");
  host.append(numbers);
  return (all) => {
    numbers.replaceChildren(...panel.sources.map((source, n) => {
      const value = all[n][0]?.value;
      return h("div", { css: { "--tint": tinted(source, value) } },
        panel.sources.length > 1 ? h("p.what", {}, written.label(source)) : null,
        h("span.big", {}, written.value(source, value)), " ", value === undefined ? null : h("span.unit", {}, written.unit(source)));
    }));
  };
}
