/** One bar for each group, and the distribution of values over devices. */

import { colour, h } from "../dom.js";
import { address } from "../router.js";
import { number, say } from "../tongue.js";
import { tinted, written } from "./writing.js";

const MOST = 40;
const BINS = 12;

export function bars(host, panel) {
  const list = h("ul.bars", { tabindex: "0" });
  const empty = h("p.empty", { hidden: true }, say("chart.empty"));
  host.append(list, empty);
  const [source] = panel.sources;
  return ([rows]) => {
    const sorted = rows.filter((row) => row.value !== undefined).sort((a, b) => b.value - a.value).slice(0, MOST);
    const most = Math.max(...sorted.map((row) => Math.abs(row.value)), 0);
    empty.hidden = sorted.length > 0;
    list.hidden = !sorted.length;
    list.replaceChildren(...sorted.map((row) => bar(row.device && panel.drill ? h("a", { href: address("device", row.device) }, row.name) : row.name,
      most ? Math.abs(row.value) / most : 0, tinted(source, row.value, colour("line-1")), `${written.value(source, row.value)} ${written.unit(source)}`)));
  };
}

export function histogram(host, panel) {
  const list = h("ul.bars", { tabindex: "0" });
  host.append(list);
  const [source] = panel.sources;
  return ([rows]) => {
    const values = rows.map((row) => row.value ?? row.points?.at(-1)?.v).filter((value) => value !== undefined);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const width = (high - low) / BINS || 1;
    const counts = new Array(BINS).fill(0);
    for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - low) / width))] += 1;
    const most = Math.max(...counts, 1);
    list.replaceChildren(...(values.length ? counts.map((count, n) => bar(`${number(low + n * width, source.decimals)} – ${number(low + (n + 1) * width, source.decimals)}`, count / most, tinted(source, low + (n + 0.5) * width, colour("line-1")), number(count))) : [h("li", {}, h("span", {}, say("chart.empty")))]));
  };
}

const bar = (name, share, tint, text) => h("li", {}, h("span.name", {}, name), h("i", { css: { "--share": share, "--tint": tint } }), h("b.number", {}, text));
