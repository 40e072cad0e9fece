/** A board: its panels in its grid, over the range and the places that the reader chose. */

import { all } from "../api.js";
import { boards } from "../boards.js";
import { h, put } from "../dom.js";
import { live, onLive } from "../live.js";
import { loader } from "../loader.js";
import { bars, histogram } from "../panels/bars.js";
import { lines } from "../panels/lines.js";
import { places } from "../panels/places.js";
import { stat } from "../panels/stat.js";
import { states } from "../panels/states.js";
import { table } from "../panels/table.js";
import { rangeBar, rangeNow } from "../range.js";
import { ask, place } from "../router.js";
import { Round } from "../sources.js";
import { either, say } from "../tongue.js";

const COLUMNS = 24;
const EVERY_MS = 5000;
const PLOTS = { stat, timeseries: lines, columns: lines, bars, histogram, table, map: places, states };
const FILTERS = ["province", "district", "owner"];

/** Open the view. */
export function boardView(root) {
  const board = boards.list.find((one) => one.key === place().id);
  if (!board) {
    root.append(h("h1", {}, say("board.none")));
    return () => {};
  }
  const otherwise = board.hours * 3600;
  const trouble = h("div");
  const filters = h("div.filters");
  const grid = h("div.board");
  let shown = rangeNow(otherwise);
  const bar = rangeBar(() => rounds.now(), otherwise);
  root.append(
    h("header.head", {}, h("div", {}, h("h1", {}, either(board.title)), h("p.hint", {}, either(board.description))), bar),
    filters, trouble, grid);
  const drawn = board.sections.flatMap((section) => {
    grid.append(h("h2", {}, either(section.title)));
    return filled(section.panels).map((panel) => ({ panel, draw: frame(grid, panel, { zoom: bar.zoom, range: () => shown }) }));
  });

  const rounds = loader(async (signal) => {
    if (!live.turn) await heard(signal);
    const registry = await all("/v1/devices", "devices", { signal });
    choices(filters, board, registry, () => rounds.now());
    const { asked } = place();
    const chosen = registry.filter((row) => FILTERS.every((key) => !asked.get(key) || row[key] === asked.get(key)) && (!asked.get("device") || row.device === asked.get("device")));
    const round = new Round(rangeNow(otherwise), new Map(chosen.map((row) => [row.device, row])), signal);
    shown = round.range;
    await Promise.all(drawn.map(async ({ panel, draw }) => {
      if (!draw) return;
      const rows = await Promise.all(panel.sources.map((source) => round.rows(source)));
      if (!signal.aborted) draw(rows);
    }));
  }, EVERY_MS, trouble);

  return () => {
    rounds.stop();
    for (const { draw } of drawn) draw?.close?.();
  };
}

/** Make the panels of a row equally high, and wider where it leaves columns empty. */
function filled(panels) {
  const rows = [];
  for (const panel of panels) {
    const row = rows.at(-1);
    if (row && row.sum + panel.width <= COLUMNS) { row.panels.push(panel); row.sum += panel.width; } else rows.push({ panels: [panel], sum: panel.width });
  }
  return rows.flatMap((row) => {
    const height = Math.max(...row.panels.map((panel) => panel.height));
    return row.panels.map((panel) => ({ ...panel, height, width: Math.floor((panel.width * COLUMNS) / row.sum) }));
  });
}

/** Wait for the first newest values. */
function heard(signal) {
  return new Promise((resolve) => {
    const stop = onLive(() => { stop(); resolve(); });
    signal.addEventListener("abort", () => { stop(); resolve(); });
  });
}

function frame(grid, panel, context) {
  const described = either(panel.description);
  const box = h("figure.panel", { data: { panel: panel.key, plot: panel.plot }, css: { "--width": panel.width } },
    h("figcaption", { title: described }, h("h3", {}, either(panel.title)), h("span.unseen", {}, described)));
  if (panel.plot === "stat") box.classList.add("short");
  if (panel.width > 12) box.classList.add("wider");
  grid.append(box);
  const make = PLOTS[panel.plot];
  if (make) {
    const draw = make(box, panel, context);
    if (panel.empty) for (const one of box.querySelectorAll(".empty")) put(one, either(panel.empty));
    return draw;
  }
  box.append(h("p.empty", {}, say("panel.unknown")));
  return null;
}

function choices(host, board, registry, changed) {
  const rows = registry.filter((row) => row.kinds.some((kind) => board.kinds.includes(kind)));
  const { asked } = place();
  const boxes = FILTERS.filter((key) => board.variables?.includes(key)).flatMap((key) => {
    const values = [...new Set(rows.map((row) => row[key]).filter(Boolean))].sort();
    if (values.length < 2) return [];
    const choose = (event) => { ask({ [key]: event.target.value }); changed(); };
    return [h("label", {}, h("span", {}, say(key)), h("select", { data: { filter: key }, onchange: choose }, h("option", { value: "" }, say("all")), values.map((value) => h("option", { value, selected: asked.get(key) === value }, value))))];
  });
  if (host.contains(document.activeElement)) return;
  host.hidden = !boxes.length;
  host.replaceChildren(...boxes);
}
