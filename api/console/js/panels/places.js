/** A map of devices in the colours of their values. */

import { bandsFrom } from "../boards.js";
import { h } from "../dom.js";
import { makeMap } from "../ground.js";
import { live } from "../live.js";
import { Pins } from "../pins.js";
import { bandOf, scaleOf } from "../scale.js";
import { address } from "../router.js";
import { either, say } from "../tongue.js";
import { written } from "./writing.js";

export function places(host, panel) {
  const canvas = h("div.canvas");
  const legend = h("div.below");
  host.append(h("div.stage.small.tall", {}, canvas), legend);
  const map = makeMap(canvas, { label: `${either(panel.title)}. ${say("map.label")}`, small: true });
  const layers = panel.sources.map(() => new Pins(map, (device) => { location.hash = address("device", device); }));
  let fitted = false;
  const draw = (all) => {
    legend.replaceChildren(...all.map((rows, n) => {
      const source = panel.sources[n];
      const bands = bandsFrom(source.scale);
      // without bands of its own a value is coloured by where it lies among the others
      const scale = bands.length > 1 ? null : scaleOf(source.quantity, rows.map((row) => row.value));
      const paint = scale ? scale.of : (value) => bandOf(bands, value).colour;
      layers[n].show(rows.map((row) => live.devices.get(row.device)).filter(Boolean), (device) => paint(device.values[source.quantity]?.value), source.quantity);
      const steps = scale?.steps ?? bands.map((band) => ({ colour: band.colour, text: either(band.label) }));
      return h("p", {}, h("b", {}, written.label(source)), " ", steps.map((step) => h("span.step", {}, h("i", { css: { "--tint": step.colour } }), step.text)));
    }));
    if (!fitted && layers.some((pins) => pins.dots.size)) {
      fitted = true;
      map.invalidateSize({ animate: false });
      const bounds = layers.filter((pins) => pins.dots.size).map((pins) => pins.group.getBounds()).reduce((a, b) => a.extend(b));
      map.fitBounds(bounds.pad(0.08), { animate: false, maxZoom: 14 });
    }
  };
  draw.close = () => map.remove();
  return draw;
}
