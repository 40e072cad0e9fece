/** Lines over time by uPlot: gaps stay open, flags are marked, dragging zooms, a sentence and a table say the same. */

/** @import { Band, Line, Range } from "./types.d.ts" */

import { decimalsOf, formatWithUnit } from "./catalog.js";
import { colour, h, setText } from "./dom.js";
import { t, when, zoned } from "./i18n.js";
import { STRIP, paintBands, paintStrip, paintSuspects } from "./overlays.js";
import { bar, compact, line, roomy, stacked, tick, tint } from "./plot.js";
import { FAIL, table } from "./series.js";

const MAX_READOUT = 4;
const MAX_TABLE_ROWS = 200;
const SHORTEST_ZOOM_S = 60;

/**
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {string} quantity
 * @property {number} [height]
 * @property {boolean} [strip] Quality under the plot, for one line.
 * @property {Band[] | null} [bands]
 * @property {[number, number] | null} [bounds]
 * @property {boolean} [columns] A stack of bars for each bucket.
 * @property {((from: number, to: number) => void) | null} [zoom]
 * @property {(value: number | null | undefined) => string} [write]
 */

/**
 * Make a chart; `show` draws lines.
 * @param {HTMLElement} host
 * @param {ChartOptions} options
 */
export function chart(host, options) {
  const {
    title,
    quantity,
    height = 220,
    strip = false,
    bands = null,
    bounds = null,
    columns = false,
    zoom = null,
  } = options;
  const write = options.write ?? ((value) => formatWithUnit(quantity, value));
  const readout = h("p.readout", {});
  const plot = h("div.plot", { role: "img", "aria-label": title });
  const grid = h("div.wide", { hidden: true, tabindex: "0", role: "region", "aria-label": title });
  const empty = h("p.empty", { hidden: true }, t("chart.empty"));
  const swap = h("button.plain.swap", { type: "button", "aria-pressed": "false", onclick: toggle }, t("chart.table"));
  host.append(readout, plot, empty, grid, swap);
  /** @type {uPlot | null} */
  let drawn = null;
  /** @type {number | null} */
  let pointed = null;
  /** @type {Line[]} */
  let lines = [];
  /** @type {Range} */
  let range = { start: 0, end: 1, fixed: true };

  const watch = new ResizeObserver(resize);
  watch.observe(plot);

  function resize() {
    if (drawn && plot.clientWidth) drawn.setSize({ width: plot.clientWidth, height });
  }

  function toggle() {
    const asTable = grid.hidden;
    grid.hidden = !asTable;
    plot.hidden = readout.hidden = asTable;
    swap.setAttribute("aria-pressed", String(asTable));
    setText(swap, t(asTable ? "chart.chart" : "chart.table"));
    if (asTable) fillTable();
    else resize();
  }

  function fillTable() {
    const [x, ...rows] = table(lines);
    const heads = lines.map((line) => h("th", { scope: "col" }, line.label));
    const body = x.map((seconds, n) => {
      const cells = rows.map((column) => h("td.number", {}, write(column[n])));
      return h("tr", {}, h("td.time", {}, when(seconds * 1000)), cells);
    });
    const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("time")), heads));
    grid.replaceChildren(h("table", {}, head, h("tbody", {}, body.slice(-MAX_TABLE_ROWS).reverse())));
  }

  /**
   * Say values: the newest, or those below the pointer; of many lines the one that is pointed at, or both extremes.
   * @param {number | null} index
   */
  function tell(index = null) {
    const seconds = index === null ? null : drawn?.data[0][index];
    const all = lines.map((line, n) => ({ line, n, v: readoutValue(line, index === null ? null : (seconds ?? NaN)) }));
    const several = lines.length > 1;
    const parts = toTell(all, index === null ? null : pointed).map(({ line, n, v }) => {
      const mark = several && [h("i", { css: { "--tint": tint(n) } }), `${line.label} `];
      return h("span", {}, mark, h("b", {}, write(v)));
    });
    if (all.length > MAX_READOUT && index === null) parts.push(h("span", {}, t("chart.lines", all.length)));
    if (seconds) parts.push(h("time", {}, when(seconds * 1000, "short")));
    readout.replaceChildren(...parts);
  }

  function describe() {
    const values = lines.flatMap((line) => line.points.filter((point) => point.flag !== FAIL));
    if (!values.length) return;
    const [start, end] = [when(range.start * 1000, "short"), when(range.end * 1000, "short")];
    const low = write(values.reduce((a, b) => (b.v < a.v ? b : a)).v);
    const high = write(values.reduce((a, b) => (b.v > a.v ? b : a)).v);
    const last = write(values.reduce((a, b) => (b.t > a.t ? b : a)).v);
    plot.setAttribute("aria-label", t("chart.said", title, values.length, start, end, low, high, last));
  }

  /** Draw. @param {Line[]} next @param {Range} nextRange */
  function show(next, nextRange) {
    lines = next;
    range = nextRange;
    const points = lines.reduce((sum, line) => sum + line.points.length, 0);
    empty.hidden = points > 0;
    plot.hidden = !points || !grid.hidden;
    swap.hidden = !points;
    host.dataset["points"] = String(points);
    describe();
    if (!points) {
      readout.replaceChildren();
      return;
    }
    const data = /** @type {uPlot.AlignedData} */ (columns ? stacked(table(lines)) : table(lines));
    if (drawn && drawn.series.length === data.length) {
      drawn.setData(data, true);
    } else {
      drawn?.destroy();
      drawn = new uPlot(plotOptions(lines.length), data, plot);
    }
    tell();
    if (!grid.hidden) fillTable();
  }

  /** @param {uPlot} u */
  function selected(u) {
    if (!zoom || u.select.width < 8) return;
    const [from, to] = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (to - from >= SHORTEST_ZOOM_S) zoom(from, to);
  }

  /** @param {number} count @returns {uPlot.Options} */
  function plotOptions(count) {
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: colour("quiet"), font, grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    const least = 20 / 10 ** decimalsOf(quantity);
    return {
      width: plot.clientWidth || 300,
      height,
      tzDate: zoned,
      padding: [8, 4, strip ? STRIP + 2 : 0, 0],
      legend: { show: false },
      focus: { alpha: count > MAX_READOUT ? 0.25 : 1 },
      cursor: {
        y: false,
        focus: { prox: 24 },
        points: { size: 7 },
        drag: { x: Boolean(zoom), y: false, setScale: false },
      },
      scales: {
        x: { time: true, range: () => [range.start, range.end] },
        y: { range: (_, low, high) => bounds ?? roomy(low, high, least) },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 70,
          gap: strip ? 12 : 6,
          size: strip ? 34 : 28,
          values: (_, ticks) => ticks.map((seconds, n) => tick(seconds, ticks[n - 1], range)),
        },
        { ...axis, size: 52, space: 34, values: (_, ticks) => ticks.map(compact) },
      ],
      series: [{}, ...Array.from({ length: count }, (_, n) => (columns ? bar(n) : line(n, count)))],
      hooks: {
        setCursor: [(u) => tell(u.cursor.idx ?? null)],
        setSeries: [
          (u, index) => {
            pointed = index === null ? null : index - 1;
            tell(u.cursor.idx ?? null);
          },
        ],
        setSelect: [selected],
        drawClear: bands ? [(u) => paintBands(u, bands)] : [],
        draw: [(u) => paintSuspects(u, lines), (u) => strip && paintStrip(u, lines[0])],
      },
    };
  }

  const close = () => {
    watch.disconnect();
    drawn?.destroy();
  };
  return { show, close };
}

/** What a line holds at an instant, or at last. @param {Line} line @param {number | null} seconds */
function readoutValue({ points }, seconds) {
  if (seconds === null) return points.findLast((point) => point.flag !== FAIL)?.v;
  return points.find((point) => point.t === seconds)?.v;
}

/**
 * Of many values the one that is pointed at, or both extremes.
 * @template {{v: number | undefined}} T
 * @param {T[]} all
 * @param {number | null} near
 * @returns {T[]}
 */
function toTell(all, near) {
  if (all.length <= MAX_READOUT) return all;
  const one = near === null ? undefined : all[near];
  if (one) return [one];
  const known = all.filter(({ v }) => v !== undefined).sort((a, b) => (b.v ?? 0) - (a.v ?? 0));
  return known.length > 1 ? known.filter((_, n) => n === 0 || n === known.length - 1) : known;
}
