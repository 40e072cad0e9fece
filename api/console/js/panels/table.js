/** A row for each device, gateway or group; a column for each source. */

/** @import { Draw, Panel, Row, Source } from "../types.d.ts" */

import { h } from "../dom.js";
import { localized, t } from "../i18n.js";
import { href } from "../router.js";
import { bandColour, label, newest, text, unit } from "./format.js";

const MAX_ROWS = 100;

/** @param {HTMLElement} host @param {Panel} panel @param {Source} source @returns {Draw} */
export function table(host, panel, source) {
  const body = h("tbody");
  const empty = h("p.empty", { hidden: true }, t("chart.empty"));
  const region = { tabindex: "0", role: "region", "aria-label": localized(panel.title) };
  const wide = h("div.wide", region, h("table", {}, h("thead", {}, heads(panel, source)), body));
  host.append(wide, empty);
  // the longest silent and the least complete are what an operator looks for
  const lowestFirst = source.source === "last_seen" || source.source === "cadence_kept";
  return (all) => {
    const rank = (/** @type {Entry} */ { values: [value = -Infinity] }) => (lowestFirst ? value : -value);
    const sorted = joined(all)
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, MAX_ROWS);
    empty.hidden = sorted.length > 0;
    wide.hidden = !sorted.length;
    body.replaceChildren(...sorted.map((entry) => tableRow(panel, entry)));
  };
}

/** @typedef {{row: Row, values: (number | undefined)[]}} Entry */

/** Put what all sources say of a device or group into one row. @param {Row[][]} all @returns {Entry[]} */
function joined(all) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  all.forEach((rows, n) => {
    for (const row of rows) {
      const entry = entries.get(row.name) ?? { row, values: [] };
      entry.values[n] = newest(row);
      entries.set(row.name, entry);
    }
  });
  return [...entries.values()];
}

/** @param {Panel} panel @param {Source} source */
function heads(panel, source) {
  let first = "device";
  if (source.source === "account") first = "gateway";
  else if (source.source === "readings") first = source.group;
  const columns = panel.sources.map((one) => {
    const symbol = unit(one);
    return h("th.number", { scope: "col" }, label(one), symbol && h("span.unit", {}, ` ${symbol}`));
  });
  return h("tr", {}, h("th", { scope: "col" }, t(first)), columns);
}

/** @param {Panel} panel @param {Entry} entry */
function tableRow(panel, { row, values }) {
  const link = row.device && panel.drill && h("a", { href: href("device", row.device) }, row.name);
  const cells = panel.sources.map((source, n) => {
    const tint = bandColour(panel, source, values[n], "");
    return h("td.number", {}, tint && h("i.dot", { css: { "--tint": tint } }), text(source, values[n]));
  });
  return h("tr", {}, h("th", { scope: "row" }, link || row.name || t("all")), cells);
}
