/** Lines over time by uPlot: gaps stay open, flags are marked, dragging zooms, a sentence and a table say the same. */

import { decimalsOf, measured } from "./catalog.js";
import { colour, h, put } from "./dom.js";
import { STRIP, marks, paintBands, paintStrip } from "./paint.js";
import { table } from "./series.js";
import { say, when, zoned } from "./tongue.js";

const FAIL = 4;
const LINES = 10;
const TOLD = 4;

/**
 * @typedef {{label: string, points: import("./series.js").Point[], step: number}} Line
 * @param {HTMLElement} host
 * @param {{title: string, quantity: string, height?: number, strip?: boolean, bands?: import("./scale.js").Band[],
 *     bounds?: [number, number]|null, columns?: boolean, write?: (v?: number) => string, zoom?: (from: number, to: number) => void}} options `strip`:
 *     quality under the plot, for one line; `columns`: a stack of bars for each bucket.
 */
export function chart(host, { title, quantity, height = 220, strip = false, bands = null, bounds = null, columns = false, zoom = null, write = (v) => measured(quantity, v) }) {
  const readout = h("p.readout", {});
  const plot = h("div.plot", { role: "img", "aria-label": title });
  const grid = h("div.wide", { hidden: true, tabindex: "0", role: "region", "aria-label": title });
  const empty = h("p.empty", { hidden: true }, say("chart.empty"));
  const swap = h("button.plain.swap", { type: "button", "aria-pressed": "false", onclick: toggle }, say("chart.table"));
  host.append(readout, plot, empty, grid, swap);
  let drawn = null;
  let pointed = null;
  /** @type {Line[]} */
  let lines = [];
  let range = { start: 0, end: 1 };

  const watch = new ResizeObserver(() => drawn && plot.clientWidth && drawn.setSize({ width: plot.clientWidth, height }));
  watch.observe(plot);

  function toggle() {
    const asTable = grid.hidden;
    grid.hidden = !asTable;
    plot.hidden = readout.hidden = asTable;
    swap.setAttribute("aria-pressed", String(asTable));
    put(swap, say(asTable ? "chart.chart" : "chart.table"));
    if (asTable) fillTable();
    else if (drawn && plot.clientWidth) drawn.setSize({ width: plot.clientWidth, height });
  }

  function fillTable() {
    const [x, ...rows] = table(lines);
    grid.replaceChildren(h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, say("time")), lines.map((line) => h("th", { scope: "col" }, line.label)))),
      h("tbody", {}, x.slice(-200).reverse().map((t) => {
        const n = x.indexOf(t);
        return h("tr", {}, h("td.time", {}, when(t * 1000)), rows.map((column) => h("td.number", {}, write(column[n]))));
      }))));
  }

  /** Say values: the newest, or those below the pointer; of many lines the one that is pointed at, or both extremes. */
  function tell(index = null, near = null) {
    const all = lines.map((line, n) => {
      const v = index === null ? line.points.findLast((point) => point.flag !== FAIL)?.v : line.points.length ? valueAt(lines, n, drawn?.data, index) : undefined;
      return { line, n, v };
    });
    const known = all.filter(({ v }) => v !== undefined && v !== null).sort((a, b) => b.v - a.v);
    const told = all.length <= TOLD ? all : near !== null ? [all[near]] : [known[0], known.at(-1)].filter(Boolean);
    const parts = told.map(({ line, n, v }) => h("span", {}, lines.length > 1 ? h("i", { css: { "--tint": tint(n) } }) : null, lines.length > 1 ? `${line.label} ` : null, h("b", {}, write(v))));
    const t = index === null ? null : drawn?.data[0][index];
    readout.replaceChildren(...parts, all.length > TOLD && index === null ? h("span", {}, say("chart.lines", all.length)) : "", t ? h("time", {}, when(t * 1000, "short")) : "");
  }

  /** The values as they are drawn: columns stand on each other. */
  const laid = () => (columns ? stacked(table(lines)) : table(lines));

  function describe() {
    const values = lines.flatMap((line) => line.points.filter((point) => point.flag !== FAIL));
    if (!values.length) return put(plot, "");
    const low = values.reduce((a, b) => (b.v < a.v ? b : a));
    const high = values.reduce((a, b) => (b.v > a.v ? b : a));
    const last = values.reduce((a, b) => (b.t > a.t ? b : a));
    plot.setAttribute("aria-label", say("chart.said", title, values.length, when(range.start * 1000, "short"), when(range.end * 1000, "short"), write(low.v), write(high.v), write(last.v)));
  }

  /** Draw. @param {Line[]} next */
  function show(next, nextRange) {
    lines = next;
    range = nextRange;
    const any = lines.some((line) => line.points.length);
    empty.hidden = any;
    plot.hidden = !any || !grid.hidden;
    swap.hidden = !any;
    host.dataset.points = lines.reduce((sum, line) => sum + line.points.length, 0);
    describe();
    if (!any) {
      readout.replaceChildren();
      return;
    }
    const data = laid();
    if (drawn && drawn.series.length === data.length) {
      drawn.setData(data, true);
    } else {
      drawn?.destroy();
      drawn = new uPlot(options(lines.length), data, plot);
    }
    tell();
    if (!grid.hidden) fillTable();
  }

  function options(count) {
    const [ink, line, small] = [colour("quiet"), colour("line"), `12px ${getComputedStyle(document.body).fontFamily}`];
    const axis = { stroke: ink, font: small, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    return {
      width: plot.clientWidth || 300,
      height,
      tzDate: zoned,
      padding: [8, 4, strip ? STRIP + 2 : 0, 0],
      legend: { show: false },
      focus: { alpha: count > TOLD ? 0.25 : 1 },
      cursor: { y: false, focus: { prox: 24 }, points: { size: 7 }, drag: { x: Boolean(zoom), y: false, setScale: false } },
      scales: { x: { time: true, range: () => [range.start, range.end] }, y: { range: (_, low, high) => bounds ?? roomy(low, high, 20 / 10 ** decimalsOf(quantity)) } },
      axes: [
        { ...axis, grid: { show: false }, space: 70, gap: strip ? 12 : 6, size: strip ? 34 : 28, values: (u, ticks) => ticks.map((t, n) => tick(t, n ? ticks[n - 1] : 0, range)) },
        { ...axis, size: 52, space: 34, values: (u, ticks) => ticks.map((v) => compact(v)) },
      ],
      series: [{}, ...Array.from({ length: count }, (_, n) => (columns
        ? { stroke: tint(n), fill: tint(n), width: 0, paths: uPlot.paths.bars({ size: [0.7, 60], align: 1 }), points: { show: false } }
        : { stroke: tint(n), width: count > LINES ? 1 : 1.75, spanGaps: false, points: { show: lone, filter: alone, size: 4, fill: tint(n) } }))],
      hooks: {
        setCursor: [(u) => tell(u.cursor.idx ?? null, pointed)],
        setSeries: [(u, si) => { pointed = si === null ? null : si - 1; tell(u.cursor.idx ?? null, pointed); }],
        setSelect: [(u) => {
          if (!zoom || u.select.width < 8) return;
          const [from, to] = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (to - from >= 60) zoom(from, to);
        }],
        drawClear: bands ? [(u) => paintBands(u, bands)] : [],
        draw: [(u) => marks(u, lines), ...(strip ? [(u) => paintStrip(u, lines[0])] : [])],
      },
    };
  }

  return { show, close: () => { watch.disconnect(); drawn?.destroy(); } };
}

/** Put columns on each other: each carries the sum of those behind it, so that the first is drawn last and lowest. */
function stacked([x, ...rows]) {
  const sums = x.map(() => 0);
  return [x, ...rows.reverse().map((row) => row.map((v, n) => (sums[n] += v ?? 0))).reverse()];
}

/** What a line holds at an instant of the axis. */
function valueAt(lines, n, data, index) {
  const t = data?.[0][index];
  return lines[n].points.find((point) => point.t === t)?.v;
}

/** The colour of a line by its number. */
export const tint = (n) => colour(`line-${(n % 8) + 1}`);

const lone = (u, si) => u.data[si].length < 3 || u.data[si].some((v, n, column) => v !== null && v !== undefined && (column[n - 1] ?? null) === null && (column[n + 1] ?? null) === null);

/** Values with a break on both sides would be invisible as a line. */
function alone(u, si) {
  const column = u.data[si];
  const seen = [];
  const solid = column.map((v, n) => [v, n]).filter(([v]) => v !== undefined);
  solid.forEach(([v, n], k) => {
    if (v !== null && (solid[k - 1]?.[0] ?? null) === null && (solid[k + 1]?.[0] ?? null) === null) seen.push(n);
  });
  return seen;
}

/** Room around the values; never so little that the last digit's noise fills the plot. */
function roomy(low, high, least) {
  if (low === null || low === undefined || !Number.isFinite(low)) return [0, 1];
  const pad = Math.max((high - low) * 0.12, (least - (high - low)) / 2);
  return [low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad];
}

function tick(t, before, range) {
  if (range.end - range.start > 2.5 * 86_400) return when(t * 1000, "day");
  const day = when(t * 1000, "day");
  return before && when(before * 1000, "day") !== day ? day : when(t * 1000, "minute");
}

const compact = (v) => Intl.NumberFormat("en", Math.abs(v) >= 1_000_000 ? { notation: "compact", maximumFractionDigits: 2 } : { maximumFractionDigits: 3 }).format(v);
