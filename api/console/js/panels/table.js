/** A row for each device, gateway or group; a column for each source. */

import { colour, h } from "../dom.js";
import { address } from "../router.js";
import { either, say } from "../tongue.js";
import { tinted, written } from "./writing.js";

const MOST = 100;

export function table(host, panel) {
  const body = h("tbody");
  const first = panel.sources[0].by_gateway ? "gateway" : (panel.sources[0].group ?? "device");
  const empty = h("p.empty", { hidden: true }, say("chart.empty"));
  const wide = h("div.wide", { tabindex: "0", role: "region", "aria-label": either(panel.title) }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, say(first)), panel.sources.map((source) => h("th.number", { scope: "col" }, written.label(source), written.unit(source) ? h("span.unit", {}, ` ${written.unit(source)}`) : null)))), body));
  host.append(wide, empty);
  const rising = panel.sources[0].source === "heard" || panel.sources[0].source === "kept";
  return (all) => {
    const rows = new Map();
    all.forEach((of, n) => of.forEach((row) => {
      const one = rows.get(row.name) ?? { row, values: [] };
      one.values[n] = row.value ?? row.points?.at(-1)?.v;
      rows.set(row.name, one);
    }));
    const sorted = [...rows.values()].sort((a, b) => (rising ? 1 : -1) * ((a.values[0] ?? -Infinity) - (b.values[0] ?? -Infinity))).slice(0, MOST);
    empty.hidden = sorted.length > 0;
    wide.hidden = !sorted.length;
    body.replaceChildren(...sorted.map(({ row, values }) => h("tr", {},
      h("th", { scope: "row" }, row.device && panel.drill !== false ? h("a", { href: address("device", row.device) }, row.name) : row.name || say("all")),
      panel.sources.map((source, n) => {
        const tint = tinted(source, values[n], "");
        return h("td.number", {}, tint && tint !== colour("card") ? h("i.dot", { css: { "--tint": tint } }) : null, written.value(source, values[n]));
      }))));
  };
}
