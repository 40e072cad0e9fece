/** Coloured bands over time, one a device; nothing where there is nothing. */

/** @import { Band, BoardContext, Draw, Panel, Range, Row, Source } from "../types.d.ts" */

import { bandsOfSource } from "../boards.js";
import { colour, h } from "../dom.js";
import { localized, t, when } from "../i18n.js";
import { href } from "../router.js";
import { bandOf } from "../scale.js";
import { gapOf } from "../series.js";

const MAX_LANES = 40;
const WIDTH = 720;
const HEIGHT = 10;

/**
 * @param {HTMLElement} host
 * @param {Panel} panel
 * @param {Source} source
 * @param {BoardContext} context
 * @returns {Draw}
 */
export function states(host, panel, source, { range }) {
  const bands = bandsOfSource(source, panel);
  const steps = bands.map((band) =>
    h("span.step", {}, h("i", { css: { "--tint": band.colour } }), localized(band.means)),
  );
  const list = h("ul.lanes", { tabindex: "0" });
  const ends = h("p.ends");
  const empty = h("p.empty", { hidden: true }, t("chart.empty"));
  host.append(h("p", {}, steps), list, ends, empty);
  return ([rows = []]) => {
    const shown = range();
    empty.hidden = rows.length > 0;
    ends.hidden = list.hidden = !rows.length;
    ends.replaceChildren(...[shown.start, shown.end].map((seconds) => h("span", {}, when(seconds * 1000, "short"))));
    list.replaceChildren(...rows.slice(0, MAX_LANES).map((row) => lane(row, bands, shown)));
  };
}

/** @param {Row} row @param {Band[]} bands @param {Range} range */
function lane({ name, device, points = [], step = 60 }, bands, range) {
  const state = localized(bandOf(bands, points.at(-1)?.v ?? 0).means);
  const canvas = /** @type {HTMLCanvasElement} */ (
    h("canvas", { width: WIDTH, height: HEIGHT, role: "img", "aria-label": `${name}: ${state}` })
  );
  const title = device ? h("a.name", { href: href("device", device) }, name) : h("span.name", {}, name);
  const ink = canvas.getContext("2d");
  if (!ink) return h("li", {}, title);
  const at = (/** @type {number} */ seconds) => ((seconds - range.start) / (range.end - range.start)) * WIDTH;
  const gap = gapOf(points, step);
  ink.fillStyle = colour("line");
  ink.fillRect(0, HEIGHT / 2, WIDTH, 1);
  points.forEach((point, n) => {
    const next = points[n + 1]?.t ?? point.t + step;
    const until = next - point.t > gap ? point.t + step : next;
    ink.fillStyle = bandOf(bands, point.v).colour;
    ink.fillRect(at(point.t), 0, Math.max(1, at(until) - at(point.t) + 0.5), HEIGHT);
  });
  return h("li", {}, title, canvas);
}
