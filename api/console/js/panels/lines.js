/** Lines over time, one for each device or group; columns are stacked bars of the same. */

/** @import { BoardContext, Draw, Panel, Source } from "../types.d.ts" */

import { bandsOfSource, keyOf } from "../boards.js";
import { isState } from "../catalog.js";
import { chart } from "../chart.js";
import { localized } from "../i18n.js";
import { bounds, label, textWithUnit } from "./format.js";

const ROW_PX = 28;
const MIN_PX = 160;

/**
 * @param {HTMLElement} host
 * @param {Panel} panel
 * @param {Source} source
 * @param {BoardContext} context
 * @returns {Draw}
 */
export function lines(host, panel, source, { zoom, range }) {
  const quantity = keyOf(source);
  const columns = panel.plot === "columns";
  const bands = bandsOfSource(source, panel);
  const graph = chart(host, {
    title: localized(panel.title),
    quantity,
    height: Math.max(MIN_PX, panel.height * ROW_PX),
    bands: bands.length > 1 && !isState(quantity) && !columns ? bands : null,
    bounds: bounds(source),
    columns,
    zoom,
    write: (value) => textWithUnit(source, value),
  });
  /** @type {Draw} */
  const draw = (all) => {
    const shown = panel.sources.flatMap((one, n) => {
      const prefix = panel.sources.length > 1 ? label(one) : "";
      return (all[n] ?? []).map(({ name, points = [], step = 60 }) => {
        return { label: [prefix, name].filter(Boolean).join(" · "), points, step };
      });
    });
    graph.show(shown, range());
  };
  draw.close = graph.close;
  return draw;
}
