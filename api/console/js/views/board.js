/** A board: its panels in its grid, over the range and the places that the reader chose. */

/** @import { Board, BoardContext, Close, DeviceRow, Draw, Panel, Source } from "../types.d.ts" */

import { all } from "../api.js";
import { boards, kindsOf } from "../boards.js";
import { h, setText } from "../dom.js";
import { localized, t } from "../i18n.js";
import { live, onLive } from "../live.js";
import { bars } from "../panels/bars.js";
import { lines } from "../panels/lines.js";
import { map } from "../panels/map.js";
import { stat } from "../panels/stat.js";
import { states } from "../panels/states.js";
import { table } from "../panels/table.js";
import { poller } from "../poller.js";
import { rangeBar, rangeNow } from "../range.js";
import { route, setQuery } from "../router.js";
import { BoardLoader } from "../sources.js";

const COLUMNS = 24;
const EVERY_MS = 5000;
/** @type {Record<string, (host: HTMLElement, panel: Panel, source: Source, context: BoardContext) => Draw>} */
const PLOTS = { stat, timeseries: lines, columns: lines, bars, table, map, states };
/** @type {("province" | "district" | "owner")[]} */
const FILTERS = ["province", "district", "owner"];

/** Open the view. @param {HTMLElement} root @returns {Close} */
export function boardView(root) {
  const board = boards.boards.find((one) => one.key === route().id);
  if (!board) {
    root.append(h("h1", {}, t("board.none")));
    return () => {};
  }
  const lastHours = board.hours * 3600;
  const trouble = h("div");
  const filters = h("div.filters");
  const grid = h("div.board");
  let shown = rangeNow(lastHours);
  const reload = () => polling.now();
  const { bar, zoom } = rangeBar(reload, lastHours);
  const title = h("div", {}, h("h1", {}, localized(board.title)), h("p.hint", {}, localized(board.description)));
  root.append(h("header.head", {}, title, bar), filters, trouble, grid);
  const drawn = board.sections.flatMap((section) => {
    grid.append(h("h2", {}, localized(section.title)));
    const context = { zoom, range: () => shown };
    return filled(section.panels).map((panel) => ({ panel, draw: frame(grid, panel, context) }));
  });

  const polling = poller(
    async (signal) => {
      if (!live.rounds) await firstRound(signal);
      const registry = await all("/v1/devices", "devices", { signal });
      showFilters(filters, board, registry, reload);
      const loader = new BoardLoader(rangeNow(lastHours), chosenDevices(registry), signal);
      shown = loader.range;
      const load = async (/** @type {{panel: Panel, draw: Draw | null}} */ { panel, draw }) => {
        const rows = draw ? await Promise.all(panel.sources.map((source) => loader.rows(source))) : [];
        if (!signal.aborted) draw?.(rows);
      };
      await Promise.all(drawn.map(load));
    },
    EVERY_MS,
    trouble,
  );

  return () => {
    polling.stop();
    for (const { draw } of drawn) draw?.close?.();
  };
}

/** The devices that the address chooses. @param {DeviceRow[]} registry */
function chosenDevices(registry) {
  const { query } = route();
  const matches = (/** @type {DeviceRow} */ row) =>
    FILTERS.every((key) => !query.get(key) || row[key] === query.get(key)) &&
    (!query.get("device") || row.device === query.get("device"));
  return new Map(registry.filter(matches).map((row) => [row.device, row]));
}

/**
 * Make the panels of a row equally high, and wider where it leaves columns empty.
 * @param {Panel[]} panels
 * @returns {Panel[]}
 */
function filled(panels) {
  /** @type {{panels: Panel[], width: number}[]} */
  const rows = [];
  for (const panel of panels) {
    const row = rows.at(-1);
    if (row && row.width + panel.width <= COLUMNS) {
      row.panels.push(panel);
      row.width += panel.width;
    } else {
      rows.push({ panels: [panel], width: panel.width });
    }
  }
  return rows.flatMap((row) => {
    const height = Math.max(...row.panels.map((panel) => panel.height));
    const wider = (/** @type {number} */ width) => Math.floor((width * COLUMNS) / row.width);
    return row.panels.map((panel) => ({ ...panel, height, width: wider(panel.width) }));
  });
}

/** Wait for the first newest values. @param {AbortSignal} signal */
function firstRound(signal) {
  return new Promise((resolve) => {
    const stop = onLive(() => {
      stop();
      resolve(undefined);
    });
    signal.addEventListener("abort", () => {
      stop();
      resolve(undefined);
    });
  });
}

/** @param {HTMLElement} grid @param {Panel} panel @param {BoardContext} context */
function frame(grid, panel, context) {
  const description = localized(panel.description);
  const caption = h(
    "figcaption",
    { title: description },
    h("h3", {}, localized(panel.title)),
    h("span.unseen", {}, description),
  );
  const box = h(
    "figure.panel",
    { data: { panel: panel.key, plot: panel.plot }, css: { "--width": panel.width } },
    caption,
  );
  if (panel.plot === "stat") box.classList.add("short");
  if (panel.width > COLUMNS / 2) box.classList.add("wider");
  grid.append(box);
  const plot = PLOTS[panel.plot];
  const [source] = panel.sources;
  if (!plot || !source) {
    box.append(h("p.empty", {}, t("panel.unknown")));
    return null;
  }
  const draw = plot(box, panel, source, context);
  for (const one of box.querySelectorAll(".empty")) setText(one, localized(panel.empty ?? boards.nothing));
  return draw;
}

/** @param {HTMLElement} host @param {Board} board @param {DeviceRow[]} registry @param {() => void} changed */
function showFilters(host, board, registry, changed) {
  if (host.contains(document.activeElement)) return;
  const kinds = kindsOf(board);
  const rows = registry.filter((row) => row.kinds.some((kind) => kinds.has(kind)));
  const chosen = route().query;
  const boxes = FILTERS.filter((key) => board.variables.includes(key)).flatMap((key) => {
    const values = [...new Set(rows.flatMap((row) => row[key] ?? []))].sort();
    if (values.length < 2) return [];
    const onchange = (/** @type {Event} */ event) => {
      setQuery({ [key]: /** @type {HTMLSelectElement} */ (event.target).value });
      changed();
    };
    const options = values.map((value) => h("option", { value, selected: chosen.get(key) === value }, value));
    const select = h("select", { data: { filter: key }, onchange }, h("option", { value: "" }, t("all")), options);
    return [h("label", {}, h("span", {}, localized(boards.variables[key], key)), select)];
  });
  host.hidden = !boxes.length;
  host.replaceChildren(...boxes);
}
