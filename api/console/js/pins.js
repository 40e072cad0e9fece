/** One dot a device, all on one canvas; only what changed is drawn anew. */

import { colour } from "./dom.js";
import { kindLabel, measured, patience, quantityLabel } from "./catalog.js";

const DOUBT = 3;

export const silent = (device, now = Date.now()) => now - device.time > patience(device.kind) * 1000;

export class Pins {
  /**
   * @param {L.Map} map
   * @param {(device: string) => void} chosen
   */
  constructor(map, chosen) {
    this.map = map;
    this.group = L.featureGroup().addTo(map);
    this.dots = new Map();
    this.chosen = chosen;
    this.picked = "";
    this.group.on("click", (event) => chosen(event.layer.device.device));
    this.group.bindTooltip((dot) => this.tip(dot), { direction: "top", offset: [0, -6], className: "tip" });
  }

  /**
   * Show these devices.
   * @param {import("./live.js").Device[]} devices
   * @param {(device: object) => string} paint The fill of a device that speaks.
   */
  show(devices, paint, quantity = "") {
    this.quantity = quantity;
    const now = Date.now();
    const many = devices.length > 400;
    const [edge, doubt, quiet, pick] = ["dot-edge", "suspect", "silent", "accent"].map(colour);
    const gone = new Set(this.dots.keys());
    for (const device of devices) {
      if (!device.at) continue;
      gone.delete(device.device);
      const off = silent(device, now);
      const doubtful = !off && Object.values(device.values).some((one) => one.flag >= DOUBT && one.flag !== 9);
      const picked = device.device === this.picked;
      const style = {
        radius: (many ? 4.5 : 6) + (picked ? 4 : 0),
        fillColor: off ? colour("ground") : paint(device),
        fillOpacity: 1,
        color: picked ? pick : off ? quiet : doubtful ? doubt : edge,
        weight: picked ? 3 : off || doubtful ? 2 : 1,
      };
      const key = Object.values(style).join() + device.at;
      let dot = this.dots.get(device.device);
      if (!dot) {
        dot = L.circleMarker(device.at, style).addTo(this.group);
        this.dots.set(device.device, dot);
      } else if (dot.key !== key) {
        dot.setLatLng(device.at).setStyle(style).setRadius(style.radius);
        if (doubtful || picked) dot.bringToFront();
      }
      dot.key = key;
      dot.device = device;
    }
    for (const device of gone) {
      this.group.removeLayer(this.dots.get(device));
      this.dots.delete(device);
    }
  }

  /** Bring all dots into view. */
  fit(animate = true) {
    const bounds = this.group.getBounds();
    if (bounds.isValid()) this.map.fitBounds(bounds.pad(0.06), { animate, maxZoom: 14 });
  }

  tip(dot) {
    const { device, kind, values } = dot.device;
    const one = values[this.quantity];
    const root = document.createElement("div");
    root.append(Object.assign(document.createElement("b"), { textContent: device }), document.createElement("br"),
      one ? `${quantityLabel(this.quantity)} ${measured(this.quantity, one.value)}` : kindLabel(kind));
    return root;
  }
}
