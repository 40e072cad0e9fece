/** What lies under the map's devices: tiles where the settings name them, else a graticule, main roads and towns. */

/** @import { Basemap } from "./types.d.ts" */
/** @import { LatLngExpression, Map as LeafletMap } from "leaflet" */

import { h } from "./dom.js";
import { localized, onLanguage, t } from "./i18n.js";

/** @type {{tiles: {address: string, credit: string}, features: Basemap | null}} */
export const basemap = { tiles: { address: "", credit: "" }, features: null };

const STEP_PX = 110;
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const ROAD_ZOOM = 8.4;
/** Zoom from which towns of a rank have a name. */
const TOWN_ZOOM = [0, 0, 8.4, 9.6];
/** @type {[string, string][]} Panes by height. */
const PANES = [
  ["graticule", "210"],
  ["roads", "220"],
  ["towns", "350"],
];

/**
 * Make a map in an element.
 * @param {HTMLElement} host
 * @param {{label: string, small?: boolean}} options
 */
export function createMap(host, { label, small = false }) {
  const map = L.map(host, {
    zoomControl: false,
    attributionControl: Boolean(basemap.tiles.address),
    preferCanvas: true,
    zoomSnap: 0.25,
    minZoom: 5,
    maxZoom: 18,
    scrollWheelZoom: !small,
    fadeAnimation: false,
  });
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", label);
  map.addControl(L.control.zoom({ position: "topright", zoomInTitle: t("zoom.in"), zoomOutTitle: t("zoom.out") }));
  L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
  if (basemap.features) map.fitBounds(basemap.features.bounds, { animate: false });
  else map.setView([15, 102], 8, { animate: false });
  for (const [name, height] of PANES)
    Object.assign(map.createPane(name).style, { zIndex: height, pointerEvents: "none" });
  if (basemap.tiles.address) {
    map.attributionControl.setPrefix(false);
    L.tileLayer(basemap.tiles.address, { attribution: escaped(basemap.tiles.credit), maxZoom: 18 }).addTo(map);
    return map;
  }
  graticule(map);
  if (basemap.features) {
    roads(map, basemap.features.roads);
    towns(map, basemap.features.towns);
  }
  const watch = new ResizeObserver(() => map.invalidateSize({ animate: false }));
  watch.observe(host);
  map.on("unload", () => watch.disconnect());
  return map;
}

/** @param {string} text */
const escaped = (text) => h("i", {}, text).innerHTML;
/** @param {string} pane */
const svg = (pane) => L.svg({ pane, padding: 0.5 });

/** @param {LeafletMap} map @param {Basemap["roads"]} rows */
function roads(map, rows) {
  const renderer = svg("roads");
  for (const name of ["road case", "road"]) {
    for (const { number, points } of rows) {
      const className = number.startsWith("M") ? `${name} fast` : name;
      L.polyline(points, { renderer, pane: "roads", interactive: false, className, smoothFactor: 0.5 }).addTo(map);
    }
  }
  for (const { number, shield, points } of rows) {
    const at = shield ?? points[0];
    if (at) label(map, at, h("span.shield", {}, number), ROAD_ZOOM);
  }
}

/** @param {LeafletMap} map @param {Basemap["towns"]} rows */
function towns(map, rows) {
  for (const town of rows) {
    const name = h("span.name", {}, localized(town));
    onLanguage(() => {
      name.textContent = localized(town);
    });
    label(map, town.at, h(`span.town.rank${town.rank}`, {}, h("i"), name), TOWN_ZOOM[town.rank] ?? 0);
  }
}

/**
 * A mark that takes no clicks.
 * @param {LatLngExpression} at
 * @param {string} pane
 * @param {string} className
 * @param {HTMLElement | string} html
 */
function mark(at, pane, className, html) {
  const icon = L.divIcon({ className, html, iconSize: [0, 0] });
  return L.marker(at, { pane, interactive: false, keyboard: false, icon });
}

/** @param {LeafletMap} map @param {[number, number]} at @param {HTMLElement} html @param {number} fromZoom */
function label(map, at, html, fromZoom) {
  const marker = mark(at, "towns", "place", html);
  const show = () => (map.getZoom() >= fromZoom ? marker.addTo(map) : marker.remove());
  map.on("zoomend", show);
  show();
}

/** @param {LeafletMap} map */
function graticule(map) {
  const lines = L.layerGroup().addTo(map);
  const style = { renderer: svg("graticule"), pane: "graticule", interactive: false, className: "meridian" };
  const write = (/** @type {number} */ degrees, /** @type {string} */ signs) =>
    `${Number(Math.abs(degrees).toFixed(3))}°${signs[degrees < 0 ? 1 : 0]}`;
  function draw() {
    lines.clearLayers();
    const seen = map.getBounds();
    const least = ((seen.getEast() - seen.getWest()) / map.getSize().x) * STEP_PX;
    const step = STEPS.find((one) => one >= least) ?? 10;
    const room = seen.pad(0.4);
    const [south, north, west, east] = [room.getSouth(), room.getNorth(), room.getWest(), room.getEast()];
    for (let lon = Math.ceil(west / step) * step; lon <= east; lon += step) {
      L.polyline(
        [
          [south, lon],
          [north, lon],
        ],
        style,
      ).addTo(lines);
      mark([seen.getSouth(), lon], "graticule", "degree south", write(lon, "EW")).addTo(lines);
    }
    for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step) {
      L.polyline(
        [
          [lat, west],
          [lat, east],
        ],
        style,
      ).addTo(lines);
      mark([lat, seen.getWest()], "graticule", "degree west", write(lat, "NS")).addTo(lines);
    }
  }
  map.on("moveend", draw);
  draw();
}
