/** One dot a device, all on one canvas; only what changed is drawn anew. */

/** @import { Device } from "./types.d.ts" */
/** @import { CircleMarker, CircleMarkerOptions, Layer, Map as LeafletMap } from "leaflet" */

import { formatWithUnit, kindLabel, quantityLabel, silenceThreshold } from "./catalog.js";
import { colour, h } from "./dom.js";

const SUSPECT = 3;
const MISSING = 9;
const MANY = 400;

/** Whether a device says nothing for longer than its kind may. @param {Device} device */
export const silent = (device, now = Date.now()) => now - device.time > silenceThreshold(device.kind) * 1000;

/** @typedef {{marker: CircleMarker, key: string, device: Device}} Dot */

export class Markers {
  /**
   * @param {LeafletMap} map
   * @param {(device: string) => void} choose
   */
  constructor(map, choose) {
    this.map = map;
    this.group = L.featureGroup().addTo(map);
    /** @type {Map<string, Dot>} */
    this.dots = new Map();
    /** @type {WeakMap<Layer, Dot>} */
    this.dotOf = new WeakMap();
    this.picked = "";
    this.quantity = "";
    this.group.on("click", (event) => {
      const dot = this.dotOf.get(event.propagatedFrom);
      if (dot) choose(dot.device.device);
    });
    this.group.bindTooltip((layer) => this.tip(layer), { direction: "top", offset: [0, -6], className: "tip" });
  }

  /**
   * Show these devices.
   * @param {Device[]} devices
   * @param {(device: Device) => string} fill The colour of a device that isn't silent.
   */
  show(devices, fill, quantity = "") {
    this.quantity = quantity;
    const now = Date.now();
    const radius = devices.length > MANY ? 4.5 : 6;
    const colours = ringColours();
    const gone = new Set(this.dots.keys());
    for (const device of devices) {
      if (!device.at) continue;
      gone.delete(device.device);
      this.draw(device, device.at, this.style(device, fill, colours, radius, now));
    }
    for (const device of gone) {
      const dot = this.dots.get(device);
      if (dot) this.group.removeLayer(dot.marker);
      this.dots.delete(device);
    }
  }

  /** @param {Device} device @param {[number, number]} at @param {CircleMarkerOptions} style */
  draw(device, at, style) {
    const key = Object.values(style).join() + at;
    const dot = this.dots.get(device.device);
    if (!dot) {
      const made = { marker: L.circleMarker(at, style).addTo(this.group), key, device };
      this.dots.set(device.device, made);
      this.dotOf.set(made.marker, made);
      return;
    }
    dot.device = device;
    if (dot.key === key) return;
    dot.key = key;
    dot.marker.setLatLng(at).setStyle(style);
    if (style.weight !== 1) dot.marker.bringToFront();
  }

  /**
   * @param {Device} device
   * @param {(device: Device) => string} fill
   * @param {ReturnType<typeof ringColours>} colours
   * @param {number} radius
   * @param {number} now
   * @returns {CircleMarkerOptions}
   */
  style(device, fill, colours, radius, now) {
    const off = silent(device, now);
    const doubtful = !off && Object.values(device.values).some(({ flag }) => flag >= SUSPECT && flag !== MISSING);
    const ring = { fillColor: off ? colours.ground : fill(device), fillOpacity: 1 };
    if (device.device === this.picked) return { ...ring, radius: radius + 4, color: colours.picked, weight: 3 };
    if (off) return { ...ring, radius, color: colours.silent, weight: 2 };
    return { ...ring, radius, color: doubtful ? colours.doubtful : colours.edge, weight: doubtful ? 2 : 1 };
  }

  /** Bring all dots into view. */
  fit(animate = true) {
    const bounds = this.group.getBounds();
    if (bounds.isValid()) this.map.fitBounds(bounds.pad(0.06), { animate, maxZoom: 14 });
  }

  /** @param {Layer} layer */
  tip(layer) {
    const dot = this.dotOf.get(layer);
    if (!dot) return "";
    const { device, kind, values } = dot.device;
    const newest = values[this.quantity];
    const value = newest && `${quantityLabel(this.quantity)} ${formatWithUnit(this.quantity, newest.value)}`;
    return h("div", {}, h("b", {}, device), h("br"), value ?? kindLabel(kind));
  }
}

/** The present theme's colours, read once for all dots. */
const ringColours = () => ({
  ground: colour("ground"),
  edge: colour("dot-edge"),
  doubtful: colour("suspect"),
  silent: colour("silent"),
  picked: colour("accent"),
});
