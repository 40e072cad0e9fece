/** One bar for each group. */

/** @import { Draw, Panel, Source } from "../types.d.ts" */

import { colour, h } from "../dom.js";
import { t } from "../i18n.js";
import { href } from "../router.js";
import { bandColour, textWithUnit } from "./format.js";

const MAX_BARS = 40;

/** @param {HTMLElement} host @param {Panel} panel @param {Source} source @returns {Draw} */
export function bars(host, panel, source) {
  const list = h("ul.bars", { tabindex: "0" });
  const empty = h("p.empty", { hidden: true }, t("chart.empty"));
  host.append(list, empty);
  return ([rows = []]) => {
    const known = rows.flatMap((row) => (row.value === undefined ? [] : [{ ...row, value: row.value }]));
    const sorted = known.sort((a, b) => b.value - a.value).slice(0, MAX_BARS);
    const highest = Math.max(...sorted.map((row) => Math.abs(row.value)), 0);
    empty.hidden = sorted.length > 0;
    list.hidden = !sorted.length;
    list.replaceChildren(
      ...sorted.map(({ name, device, value }) => {
        const share = highest ? Math.abs(value) / highest : 0;
        const tint = bandColour(panel, source, value, colour("line-1"));
        return h(
          "li",
          {},
          h("span.name", {}, device && panel.drill ? h("a", { href: href("device", device) }, name) : name),
          h("i", { css: { "--share": share, "--tint": tint } }),
          h("b.number", {}, textWithUnit(source, value)),
        );
      }),
    );
  };
}
