/** Coloured bands over time, one a device; nothing where there is nothing. */

import { bandsFrom } from "../boards.js";
import { colour, h } from "../dom.js";
import { address } from "../router.js";
import { bandOf } from "../scale.js";
import { gapOf } from "../series.js";
import { either, say, when } from "../tongue.js";

const MOST = 40;
const HIGH = 10;

export function states(host, panel, { range }) {
  const source = panel.sources[0];
  const bands = bandsFrom(source.scale);
  const legend = h("p", {}, bands.map((band) => h("span.step", {}, h("i", { css: { "--tint": band.colour } }), either(band.label))));
  const list = h("ul.lanes", { tabindex: "0" });
  const ends = h("p.ends");
  const empty = h("p.empty", { hidden: true }, say("chart.empty"));
  host.append(legend, list, ends, empty);
  return ([rows]) => {
    const shown = range();
    empty.hidden = rows.length > 0;
    ends.hidden = list.hidden = !rows.length;
    ends.replaceChildren(h("span", {}, when(shown.start * 1000, "short")), h("span", {}, when(shown.end * 1000, "short")));
    list.replaceChildren(...rows.slice(0, MOST).map((row) => {
      const canvas = h("canvas", { width: 720, height: HIGH, role: "img", "aria-label": `${row.name}: ${either(bandOf(bands, row.points.at(-1)?.v ?? 0).label)}` });
      paint(canvas, row, bands, shown);
      return h("li", {}, row.device ? h("a.name", { href: address("device", row.device) }, row.name) : h("span.name", {}, row.name), canvas);
    }));
  };
}

function paint(canvas, row, bands, range) {
  const ink = canvas.getContext("2d");
  const at = (t) => ((t - range.start) / (range.end - range.start)) * canvas.width;
  const gap = gapOf(row.points, row.step);
  ink.fillStyle = colour("line");
  ink.fillRect(0, HIGH / 2, canvas.width, 1);
  row.points.forEach((point, n) => {
    const next = row.points[n + 1]?.t ?? point.t + row.step;
    const until = next - point.t > gap ? point.t + row.step : next;
    ink.fillStyle = bandOf(bands, point.v).colour;
    ink.fillRect(at(point.t), 0, Math.max(1, at(until) - at(point.t) + 0.5), HIGH);
  });
}
