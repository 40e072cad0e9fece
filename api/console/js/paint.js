/** What is painted on a chart besides its lines: bands behind, doubtful values, and the strip of quality below. */

import { colour } from "./dom.js";
import { gapOf } from "./series.js";

/** Pixels that the strip is high. */
export const STRIP = 5;

/** The quantity's bands behind the lines. */
export function paintBands(u, bands) {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  u.ctx.globalAlpha = 0.12;
  bands.forEach((band, n) => {
    const upper = bands[n + 1] ? u.valToPos(bands[n + 1].from, "y", true) : top - 1;
    const lower = Number.isFinite(band.from) ? u.valToPos(band.from, "y", true) : top + height + 1;
    u.ctx.fillStyle = band.colour;
    u.ctx.fillRect(left, upper, width, lower - upper);
  });
  u.ctx.restore();
}

/** A dot on each suspect value. */
export function marks(u, lines) {
  const amber = colour("suspect");
  u.ctx.save();
  u.ctx.fillStyle = amber;
  for (const { points } of lines) {
    for (const point of points) {
      if (point.flag !== 3) continue;
      u.ctx.beginPath();
      u.ctx.arc(u.valToPos(point.t, "x", true), u.valToPos(point.v, "y", true), 3 * devicePixelRatio, 0, 7);
      u.ctx.fill();
    }
  }
  u.ctx.restore();
}

/** Quality under the plot: each value's flag as a colour, and nothing where there is nothing. */
export function paintStrip(u, line) {
  if (!line) return;
  const colours = { 1: colour("good"), 2: colour("unchecked"), 3: colour("suspect"), 4: colour("failed") };
  const { left, top, width, height } = u.bbox;
  const y = top + height + 2 * devicePixelRatio;
  const gap = gapOf(line.points, line.step);
  const lasts = line.points.map(({ t }, n) => {
    const next = line.points[n + 1]?.t ?? Infinity;
    return next - t > gap ? t + line.step : next;
  });
  u.ctx.save();
  u.ctx.fillStyle = colour("line");
  u.ctx.fillRect(left, y, width, STRIP * devicePixelRatio);
  for (const [n, point] of [...line.points.entries()].sort(([, a], [, b]) => a.flag - b.flag)) {
    const from = Math.max(left, u.valToPos(point.t, "x", true));
    const to = Math.min(left + width, u.valToPos(lasts[n], "x", true));
    u.ctx.fillStyle = colours[point.flag] ?? colours[2];
    if (to >= from) u.ctx.fillRect(from, y, Math.max(to - from + 0.5, 1.5), STRIP * devicePixelRatio);
  }
  u.ctx.restore();
}
