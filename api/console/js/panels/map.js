/** A map of devices in the colours of their values. */

/** @import { Draw, Panel, ReadingsSource, Row, Source } from "../types.d.ts" */
/** @import { Step } from "../scale.js" */

import { createMap } from "../basemap.js";
import { bandsOfSource } from "../boards.js";
import { h } from "../dom.js";
import { localized, t } from "../i18n.js";
import { live } from "../live.js";
import { Markers } from "../markers.js";
import { href } from "../router.js";
import { bandOf, scaleOf } from "../scale.js";
import { label } from "./format.js";

/** @param {HTMLElement} host @param {Panel} panel @returns {Draw} */
export function map(host, panel) {
  const canvas = h("div.canvas");
  const legend = h("div.below");
  host.append(h("div.stage.small.tall", {}, canvas), legend);
  const leaflet = createMap(canvas, { label: `${localized(panel.title)}. ${t("map.label")}`, small: true });
  const open = (/** @type {string} */ device) => {
    location.hash = href("device", device);
  };
  const layers = panel.sources.filter(isReadings).map((source) => ({ source, markers: new Markers(leaflet, open) }));
  let fitted = false;

  function fit() {
    const filled = layers.filter(({ markers }) => markers.dots.size).map(({ markers }) => markers.group.getBounds());
    if (fitted || !filled.length) return;
    fitted = true;
    leaflet.invalidateSize({ animate: false });
    const bounds = filled.reduce((a, b) => a.extend(b));
    leaflet.fitBounds(bounds.pad(0.08), { animate: false, maxZoom: 14 });
  }

  /** @type {Draw} */
  const draw = (all) => {
    const legends = layers.map(({ source, markers }, n) => {
      const rows = all[n] ?? [];
      const { of, steps } = coloursOf(panel, source, rows);
      const devices = rows.flatMap((row) => live.devices.get(row.device ?? "") ?? []);
      markers.show(devices, (device) => of(device.values[source.quantity]?.value ?? NaN), source.quantity);
      const marks = steps.map((step) => h("span.step", {}, h("i", { css: { "--tint": step.colour } }), step.text));
      return h("p", {}, h("b", {}, label(source)), " ", marks);
    });
    legend.replaceChildren(...legends);
    fit();
  };
  draw.close = () => leaflet.remove();
  return draw;
}

/** @param {Source} source @returns {source is ReadingsSource} */
const isReadings = (source) => source.source === "readings";

/**
 * Without bands of its own a value is coloured by where it lies among the others.
 * @param {Panel} panel
 * @param {ReadingsSource} source
 * @param {Row[]} rows
 * @returns {{of: (value: number) => string, steps: Step[]}}
 */
function coloursOf(panel, source, rows) {
  const bands = bandsOfSource(source, panel);
  if (bands.length < 2) {
    return scaleOf(
      source.quantity,
      rows.flatMap((row) => row.value ?? []),
    );
  }
  const steps = bands.map((band) => ({ colour: band.colour, text: localized(band.means) }));
  return { of: (value) => bandOf(bands, value).colour, steps };
}
