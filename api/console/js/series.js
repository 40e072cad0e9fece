/** Readings over time, made ready for a chart: one time axis, gaps as gaps, failed values apart. */

import { all, get, query } from "./api.js";
import { kinds } from "./catalog.js";
import { aligned, spelledWidth, widthOf } from "./range.js";

const FAIL = 4;
const MOST_DEVICES = 100;
const RAW_S = 24 * 3600;
const RAW_POINTS = 20_000;
/** Questions whose raw answer was too long. */
const dense = new Set();

/**
 * @typedef {{t: number, v: number, flag: number}} Point
 * @typedef {{device: string, quantity: string, points: Point[], completeness: number, worst: number, step: number}} Series
 */

/**
 * Ask for series.
 * @param {{devices: string[], quantities?: string[], range: import("./range.js").Range, kind?: string, aggregate?: string,
 *     alone?: boolean, raw?: boolean}} wanted `kind` tells the cadence; `alone`: only what was measured as that kind;
 *     `raw`: values as measured where the range is short.
 * @returns {Promise<{series: Series[], range: object, width: number|null}>}
 */
export async function readings({ devices, quantities = [], range, kind, alone = false, aggregate, every = 0, raw = false }, signal) {
  const cadence = kinds.get(kind)?.cadence_s ?? 10;
  if (raw) {
    const found = await asMeasured({ devices, quantities, range }, signal);
    if (found) return { series: merged(found, cadence), range, width: null };
  }
  const width = every || widthOf(range, cadence);
  const whole = aligned(range, width);
  const asked = {
    quantity: quantities,
    kind: alone ? [kind] : [],
    start: new Date(whole.start * 1000).toISOString(),
    end: new Date(whole.end * 1000).toISOString(),
    every: spelledWidth(width),
    aggregate,
    limit: 50_000,
  };
  const parts = [];
  for (let first = 0; first < devices.length; first += MOST_DEVICES) {
    parts.push(all(query("/v1/readings", { device: devices.slice(first, first + MOST_DEVICES), ...asked }), "series", { signal, most: 20 }));
  }
  return { series: merged((await Promise.all(parts)).flat(), width), range: whole, width };
}

/** Values as they were measured, failed ones too, which buckets leave out; null where that would be too many. */
async function asMeasured({ devices, quantities, range }, signal) {
  const key = `${devices} ${quantities} ${Math.round(range.end - range.start)}`;
  if (range.end - range.start > RAW_S || dense.has(key)) return null;
  const whole = aligned(range, 10);
  const body = await get(query("/v1/readings", { device: devices, quantity: quantities, start: new Date(whole.start * 1000).toISOString(), end: new Date(whole.end * 1000).toISOString(), limit: RAW_POINTS }), signal);
  if (!body.next) return body.series;
  dense.add(key);
  return null;
}

/** Put the pages of each series together. */
function merged(bodies, step) {
  const found = new Map();
  for (const body of bodies) {
    const key = `${body.device}/${body.quantity}/${body.kind}`;
    const points = body.points.map(([time, v, flag]) => ({ t: Date.parse(time) / 1000, v, flag }));
    const one = found.get(key);
    if (!one) {
      found.set(key, { device: body.device, quantity: body.quantity, kind: body.kind, points, completeness: body.completeness, worst: body.worst_flag, step, pages: 1 });
      continue;
    }
    one.points.push(...points);
    one.completeness = (one.completeness * one.pages + body.completeness) / (one.pages + 1);
    one.pages += 1;
    one.worst = worse(one.worst, body.worst_flag);
  }
  return [...found.values()];
}

/** Of two flags the worse; 9 (nothing there) says less than any. */
export const worse = (a, b) => (a === 9 ? b : b === 9 ? a : Math.max(a, b));

/** Seconds between two points after which the line breaks. */
export function gapOf(points, step) {
  if (points.length < 3) return 2.5 * step;
  const steps = points.slice(1).map((point, n) => point.t - points[n].t).sort((a, b) => a - b);
  return 2.5 * Math.max(step, steps[Math.floor(steps.length * 0.9)] ?? step);
}

/**
 * Lay series over one time axis: undefined where another series has the instant, null where the line breaks.
 * @param {{points: Point[], step: number}[]} many
 */
export function table(many) {
  const columns = many.map(({ points, step }) => {
    const column = new Map();
    const gap = gapOf(points, step);
    points.forEach((point, n) => {
      if (n && point.t - points[n - 1].t > gap) column.set(points[n - 1].t + step, null);
      column.set(point.t, point.flag === FAIL ? null : point.v);
    });
    return column;
  });
  const x = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b);
  return [x, ...columns.map((column) => x.map((t) => column.get(t)))];
}

/** Aggregate many series into one by the mean (or sum, min, max) of what stands in each bucket. */
export function across(many, aggregate = "mean") {
  const buckets = new Map();
  for (const { points } of many) {
    for (const { t, v, flag } of points) {
      if (flag === FAIL) continue;
      const of = buckets.get(t);
      if (of) { of.push(v); } else buckets.set(t, [v]);
    }
  }
  const one = { mean: (of) => of.reduce((a, b) => a + b, 0) / of.length, sum: (of) => of.reduce((a, b) => a + b, 0), min: (of) => Math.min(...of), max: (of) => Math.max(...of) }[aggregate] ?? ((of) => of.at(-1));
  const points = [...buckets].sort(([a], [b]) => a - b).map(([t, of]) => ({ t, v: one(of), flag: 1 }));
  return { points, step: many[0]?.step ?? 60, completeness: 1, worst: 1 };
}
