/** Readings over time, made ready for a chart: one time axis, gaps as gaps, failed values apart. */

/** @import { Point, Range, Series, SeriesBody } from "./types.d.ts" */

import { all, get, query } from "./api.js";
import { kinds } from "./catalog.js";
import { aligned, durationText, endsOf, widthOf } from "./range.js";

export const FAIL = 4;
const MISSING = 9;
const MAX_DEVICES = 100;
const MAX_PAGES = 20;
const MAX_POINTS = 50_000;
const RAW_S = 24 * 3600;
const MAX_RAW_POINTS = 20_000;
/** Cadence of a kind that the catalog lacks, in seconds. */
const CADENCE_S = 10;
/** Questions whose raw answer was too long. @type {Set<string>} */
const dense = new Set();

/**
 * @typedef {object} Wanted
 * @property {string[]} devices
 * @property {string[]} [quantities] All that the devices measure without it.
 * @property {Range} range
 * @property {string} kind Tells the cadence.
 * @property {boolean} [alone] Only what was measured as that kind.
 * @property {string | null} [aggregate] How a bucket becomes one value; the API's choice without it.
 * @property {number} [every] Width of a bucket in seconds; what suits the screen without it.
 * @property {boolean} [raw] Values as measured where the range is short.
 */

/**
 * Ask for series.
 * @param {Wanted} wanted
 * @param {AbortSignal} [signal]
 * @returns {Promise<{series: Series[], range: Range, width: number | null}>}
 */
export async function readings(wanted, signal) {
  const { devices, quantities = [], range, kind, alone = false, aggregate = null, every = 0, raw = false } = wanted;
  const cadence = kinds.get(kind)?.cadence_s ?? CADENCE_S;
  const measured = raw ? await asMeasured(devices, quantities, range, signal) : null;
  if (measured) return { series: merged(measured, cadence), range, width: null };
  const width = every || widthOf(range, cadence);
  const whole = aligned(range, width);
  const buckets = {
    quantity: quantities,
    kind: alone ? [kind] : [],
    ...endsOf(whole),
    every: durationText(width),
    aggregate,
    limit: MAX_POINTS,
  };
  const parts = [];
  for (let first = 0; first < devices.length; first += MAX_DEVICES) {
    const some = devices.slice(first, first + MAX_DEVICES);
    parts.push(all(query("/v1/readings", { device: some, ...buckets }), "series", { signal, maxPages: MAX_PAGES }));
  }
  return { series: merged((await Promise.all(parts)).flat(), width), range: whole, width };
}

/**
 * Values as they were measured, failed ones too, which buckets leave out; null where that would be too many.
 * @param {string[]} devices
 * @param {string[]} quantities
 * @param {Range} range
 * @param {AbortSignal} [signal]
 * @returns {Promise<SeriesBody[] | null>}
 */
async function asMeasured(devices, quantities, range, signal) {
  const key = `${devices} ${quantities} ${Math.round(range.end - range.start)}`;
  if (range.end - range.start > RAW_S || dense.has(key)) return null;
  const parameters = { device: devices, quantity: quantities, ...endsOf(aligned(range, 10)), limit: MAX_RAW_POINTS };
  const body = await get(query("/v1/readings", parameters), signal);
  if (!body.next) return body.series;
  dense.add(key);
  return null;
}

/** Put the pages of each series together. @param {SeriesBody[]} bodies @param {number} step @returns {Series[]} */
function merged(bodies, step) {
  /** @type {Map<string, Series & {pages: number}>} */
  const found = new Map();
  for (const { device, quantity, kind, points: rows, completeness, worst_flag: worst } of bodies) {
    const key = `${device}/${quantity}/${kind}`;
    const points = rows.map(([time, v, flag]) => ({ t: Date.parse(time) / 1000, v, flag }));
    const one = found.get(key);
    if (!one) {
      found.set(key, { device, quantity, kind, points, completeness, worst, step, pages: 1 });
      continue;
    }
    one.points.push(...points);
    one.completeness = (one.completeness * one.pages + completeness) / (one.pages + 1);
    one.pages += 1;
    one.worst = worse(one.worst, worst);
  }
  return [...found.values()];
}

/** Of two flags the worse; 9 (nothing there) says less than any. @param {number} a @param {number} b */
function worse(a, b) {
  if (a === MISSING) return b;
  return b === MISSING ? a : Math.max(a, b);
}

/** Seconds between two points after which the line breaks. @param {Point[]} points @param {number} step */
export function gapOf(points, step) {
  if (points.length < 3) return 2.5 * step;
  const steps = points
    .slice(1)
    .map((point, n) => point.t - (points[n]?.t ?? 0))
    .sort((a, b) => a - b);
  return 2.5 * Math.max(step, steps[Math.floor(steps.length * 0.9)] ?? step);
}

/**
 * Lay series over one time axis: undefined where another series has the instant, null where the line breaks.
 * @param {{points: Point[], step: number}[]} many
 * @returns {[number[], ...(number | null | undefined)[][]]} The axis, then a column for each series.
 */
export function table(many) {
  const columns = many.map(({ points, step }) => {
    /** @type {Map<number, number | null>} */
    const column = new Map();
    const gap = gapOf(points, step);
    let last = Infinity;
    for (const { t, v, flag } of points) {
      if (t - last > gap) column.set(last + step, null);
      column.set(t, flag === FAIL ? null : v);
      last = t;
    }
    return column;
  });
  const x = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b);
  return [x, ...columns.map((column) => x.map((t) => column.get(t)))];
}

/** @type {Record<string, (values: number[]) => number>} */
const COMBINE = {
  mean: (values) => values.reduce((a, b) => a + b, 0) / values.length,
  sum: (values) => values.reduce((a, b) => a + b, 0),
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  count: (values) => values.length,
};

/**
 * Make one value of several; undefined of none.
 * @param {number[]} values
 * @param {string} how
 * @returns {number | undefined}
 */
export function combine(values, how) {
  return values.length ? (COMBINE[how] ?? ((all) => all.at(-1) ?? NaN))(values) : undefined;
}

/**
 * Make one series of many, bucket by bucket.
 * @param {{points?: Point[]}[]} many
 * @param {string} how
 * @returns {Point[]}
 */
export function across(many, how) {
  /** @type {Map<number, number[]>} */
  const buckets = new Map();
  for (const { points = [] } of many) {
    for (const { t, v, flag } of points) {
      if (flag !== FAIL) buckets.set(t, [...(buckets.get(t) ?? []), v]);
    }
  }
  return [...buckets].sort(([a], [b]) => a - b).map(([t, values]) => ({ t, v: combine(values, how) ?? NaN, flag: 1 }));
}
