/** What is painted on a chart besides its lines: bands behind, doubtful values, and the strip of quality below. */

/** @import { Band, Line } from "./types.d.ts" */

import { colour } from "./dom.js";
import { gapOf } from "./series.js";

/** Pixels that the strip is high. */
export const STRIP = 5;
const SUSPECT = 3;
const STRIP_COLOURS = ["unchecked", "good", "unchecked", "suspect", "failed"];

/** The quantity's bands behind the lines. @param {uPlot} u @param {Band[]} bands */
export function paintBands(u, bands) {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  u.ctx.globalAlpha = 0.12;
  bands.forEach((band, n) => {
    const end = bands[n + 1]?.start ?? null;
    const upper = end === null ? top - 1 : u.valToPos(end, "y", true);
    const lower = band.start === null ? top + height + 1 : u.valToPos(band.start, "y", true);
    u.ctx.fillStyle = band.colour;
    u.ctx.fillRect(left, upper, width, lower - upper);
  });
  u.ctx.restore();
}

/** A dot on each suspect value. @param {uPlot} u @param {Line[]} lines */
export function paintSuspects(u, lines) {
  u.ctx.save();
  u.ctx.fillStyle = colour("suspect");
  for (const point of lines.flatMap(({ points }) => points)) {
    if (point.flag !== SUSPECT) continue;
    u.ctx.beginPath();
    u.ctx.arc(u.valToPos(point.t, "x", true), u.valToPos(point.v, "y", true), 3 * devicePixelRatio, 0, 7);
    u.ctx.fill();
  }
  u.ctx.restore();
}

/**
 * Quality under the plot: each value's flag as a colour, and nothing where there is nothing.
 * @param {uPlot} u
 * @param {Line | undefined} line
 */
export function paintStrip(u, line) {
  if (!line) return;
  const { points, step } = line;
  const colours = STRIP_COLOURS.map(colour);
  const { left, top, width, height } = u.bbox;
  const y = top + height + 2 * devicePixelRatio;
  const gap = gapOf(points, step);
  const bars = points.map((point, n) => {
    const next = points[n + 1]?.t ?? Infinity;
    return { ...point, until: next - point.t > gap ? point.t + step : next };
  });
  u.ctx.save();
  u.ctx.fillStyle = colour("line");
  u.ctx.fillRect(left, y, width, STRIP * devicePixelRatio);
  for (const bar of bars.sort((a, b) => a.flag - b.flag)) {
    const from = Math.max(left, u.valToPos(bar.t, "x", true));
    const to = Math.min(left + width, u.valToPos(bar.until, "x", true));
    u.ctx.fillStyle = colours[bar.flag] ?? colour("unchecked");
    if (to >= from) u.ctx.fillRect(from, y, Math.max(to - from + 0.5, 1.5), STRIP * devicePixelRatio);
  }
  u.ctx.restore();
}
