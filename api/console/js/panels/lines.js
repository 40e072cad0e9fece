/** Lines over time, one for each device or group. */

import { bandsFrom } from "../boards.js";
import { isState } from "../catalog.js";
import { chart } from "../chart.js";
import { either } from "../tongue.js";
import { written } from "./writing.js";

export function lines(host, panel, { zoom, range }) {
  const source = panel.sources[0];
  const bands = bandsFrom(source.scale);
  const graph = chart(host, { title: either(panel.title), quantity: source.quantity, height: Math.max(160, panel.height * 28), bands: bands.length > 1 && !isState(source.quantity) && panel.plot !== "columns" ? bands : null, zoom, write: (v) => `${written.value(source, v)} ${written.unit(source)}`, bounds: source.bounds, columns: panel.plot === "columns" });
  const draw = (all) => {
    const many = panel.sources.length > 1;
    graph.show(all.flatMap((rows, n) => rows.map((row) => ({ label: [many && written.label(panel.sources[n]), row.name].filter(Boolean).join(" · "), points: row.points ?? [], step: row.step ?? 60 }))), range());
  };
  draw.close = graph.close;
  return draw;
}
