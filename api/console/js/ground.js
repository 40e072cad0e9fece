/** The map's ground: tiles where somebody set them, else our own: a graticule, main roads and towns. */

import { h } from "./dom.js";
import { either, onTongue, say } from "./tongue.js";

/** @type {{tiles: {address: string, credit: string}, places: object|null}} */
export const land = { tiles: { address: "", credit: "" }, places: null };
const STEP_PX = 110;
const TOWN_ZOOM = { 1: 0, 2: 8.4, 3: 9.6 };

/**
 * Make a map in an element.
 * @param {HTMLElement} host
 * @param {{label: string, small?: boolean}} options
 */
export function makeMap(host, { label, small = false }) {
  const map = L.map(host, {
    zoomControl: false, attributionControl: Boolean(land.tiles.address), preferCanvas: true, zoomSnap: 0.25, minZoom: 5, maxZoom: 18,
    scrollWheelZoom: !small, fadeAnimation: false,
  });
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", label);
  map.addControl(new L.Control.Zoom({ position: "topright", zoomInTitle: say("zoom.in"), zoomOutTitle: say("zoom.out") }));
  L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
  if (land.places) map.fitBounds(land.places.bounds, { animate: false });
  else map.setView([15, 102], 8, { animate: false });
  for (const [name, level] of [["graticule", 210], ["roads", 220], ["towns", 350]]) {
    map.createPane(name).style.zIndex = level;
    map.getPane(name).style.pointerEvents = "none";
  }
  if (land.tiles.address) {
    map.attributionControl.setPrefix(false);
    L.tileLayer(land.tiles.address, { attribution: escaped(land.tiles.credit), maxZoom: 18 }).addTo(map);
    return map;
  }
  graticule(map);
  if (land.places) {
    roads(map, land.places.roads);
    towns(map, land.places.towns);
  }
  const watch = new ResizeObserver(() => map.invalidateSize({ animate: false }));
  watch.observe(host);
  map.on("unload", () => watch.disconnect());
  return map;
}

const escaped = (text) => h("i", {}, text).innerHTML;
const svg = (pane) => L.svg({ pane, padding: 0.5 });

function roads(map, rows) {
  const renderer = svg("roads");
  const line = (row, name) => L.polyline(row.points, { renderer, pane: "roads", interactive: false, className: name, smoothFactor: 0.5 }).addTo(map);
  for (const row of rows) line(row, row.number.startsWith("M") ? "road case fast" : "road case");
  for (const row of rows) line(row, row.number.startsWith("M") ? "road fast" : "road");
  for (const row of rows) label(map, row.shield ?? row.points[0], h("span.shield", {}, row.number), 8.4);
}

function towns(map, rows) {
  for (const town of rows) {
    const name = h("span.name", {}, either(town));
    onTongue(() => { name.textContent = either(town); });
    label(map, town.at, h(`span.town.rank${town.rank}`, {}, h("i"), name), TOWN_ZOOM[town.rank]);
  }
}

function label(map, at, html, fromZoom) {
  const marker = L.marker(at, { pane: "towns", interactive: false, keyboard: false, icon: L.divIcon({ className: "place", html, iconSize: [0, 0] }) });
  const show = () => (map.getZoom() >= fromZoom ? marker.addTo(map) : marker.remove());
  map.on("zoomend", show);
  show();
}

function graticule(map) {
  const lines = L.layerGroup().addTo(map);
  const renderer = svg("graticule");
  const style = { renderer, pane: "graticule", interactive: false, className: "meridian" };
  const write = (degrees, signs) => `${Number(Math.abs(degrees).toFixed(3))}°${signs[degrees < 0 ? 1 : 0]}`;
  const mark = (at, text, name) =>
    L.marker(at, { pane: "graticule", interactive: false, keyboard: false, icon: L.divIcon({ className: `degree ${name}`, html: text, iconSize: [0, 0] }) }).addTo(lines);
  function draw() {
    lines.clearLayers();
    const seen = map.getBounds();
    const least = ((seen.getEast() - seen.getWest()) / map.getSize().x) * STEP_PX;
    const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].find((one) => one >= least) ?? 10;
    const room = seen.pad(0.4);
    for (let lon = Math.ceil(room.getWest() / step) * step; lon <= room.getEast(); lon += step) {
      L.polyline([[room.getSouth(), lon], [room.getNorth(), lon]], style).addTo(lines);
      mark([seen.getSouth(), lon], write(lon, "EW"), "south");
    }
    for (let lat = Math.ceil(room.getSouth() / step) * step; lat <= room.getNorth(); lat += step) {
      L.polyline([[lat, room.getWest()], [lat, room.getEast()]], style).addTo(lines);
      mark([lat, seen.getWest()], write(lat, "NS"), "west");
    }
  }
  map.on("moveend", draw);
  draw();
}
