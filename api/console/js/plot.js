/** What uPlot needs to be told: how series, axes and bars look. */

/** @import { Range } from "./types.d.ts" */

import { colour } from "./dom.js";
import { when } from "./i18n.js";

const THIN_FROM = 10;

/** @typedef {(number | null | undefined)[]} Column */

/** @param {number} n @returns {uPlot.Series} */
export function bar(n) {
  const paths = uPlot.paths.bars?.({ size: [0.7, 60], align: 1 });
  return { stroke: tint(n), fill: tint(n), width: 0, ...(paths && { paths }), points: { show: false } };
}

/** @param {number} n @param {number} count @returns {uPlot.Series} */
export function line(n, count) {
  const points = { show: hasLone, filter: lone, size: 4, fill: tint(n) };
  return { stroke: tint(n), width: count > THIN_FROM ? 1 : 1.75, spanGaps: false, points };
}

/**
 * Put columns on each other: each carries the sum of those behind it, so that the first is drawn last and lowest.
 * @param {[number[], ...Column[]]} data
 */
export function stacked([x, ...rows]) {
  const sums = x.map(() => 0);
  const stack = rows.reverse().map((row) => row.map((v, n) => (sums[n] = (sums[n] ?? 0) + (v ?? 0))));
  return [x, ...stack.reverse()];
}

/** The colour of a line by its number. @param {number} n */
export const tint = (n) => colour(`line-${(n % 8) + 1}`);

/**
 * Where values stand with a break on both sides: they would be invisible as a line.
 * @param {uPlot} u
 * @param {number} index
 */
function lone(u, index) {
  /** @type {[number | null, number][]} */
  const solid = [];
  u.data[index]?.forEach((v, n) => {
    if (v !== undefined) solid.push([v, n]);
  });
  const alone = solid.filter(
    ([v], k) => v !== null && (solid[k - 1]?.[0] ?? null) === null && (solid[k + 1]?.[0] ?? null) === null,
  );
  return alone.map(([, n]) => n);
}

/** @param {uPlot} u @param {number} index */
const hasLone = (u, index) => lone(u, index).length > 0;

/**
 * Room around the values; never so little that the last digit's noise fills the plot.
 * @param {number | null} low
 * @param {number | null} high
 * @param {number} least
 * @returns {[number, number]}
 */
export function roomy(low, high, least) {
  if (low === null || high === null || !Number.isFinite(low)) return [0, 1];
  const pad = Math.max((high - low) * 0.12, (least - (high - low)) / 2);
  return [low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad];
}

/** @param {number} seconds @param {number | undefined} before @param {Range} range */
export function tick(seconds, before, range) {
  const day = when(seconds * 1000, "day");
  if (range.end - range.start > 2.5 * 86_400) return day;
  return before && when(before * 1000, "day") !== day ? day : when(seconds * 1000, "minute");
}

/** @param {number} v */
export function compact(v) {
  if (Math.abs(v) < 1_000_000) return new Intl.NumberFormat("en", { maximumFractionDigits: 3 }).format(v);
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(v);
}
