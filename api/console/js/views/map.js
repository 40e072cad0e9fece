/** The city map: all kinds, then one kind by its value, then one device. */

import { PLATFORM, headline, kindLabel, kinds, quantityLabel, spelled, unitOf } from "../catalog.js";
import { deviceCard } from "../devicecard.js";
import { colour, h, put } from "../dom.js";
import { figures } from "../figures.js";
import { makeMap } from "../ground.js";
import { live, onLive } from "../live.js";
import { Pins, silent } from "../pins.js";
import { address, place } from "../router.js";
import { scaleOf } from "../scale.js";
import { either, number, say } from "../tongue.js";

const MOST_ROWS = 200;

/** Open the view. @returns {() => void} What closes it. */
export function mapView(root) {
  const kind = kinds.has(place().id) ? place().id : "";
  const quantity = kind && headline(kind);
  let picked = place().asked.get("device") ?? "";
  let fitted = false;
  const top = figures();
  const canvas = h("div.canvas");
  const legend = h("div.legend", { "aria-hidden": "true" });
  const panel = h("div.list", { tabindex: "0", role: "region", "aria-label": say(kind ? "devices" : "map.kinds") });
  const card = h("div.pick", { "aria-live": "polite" });
  root.append(
    h("h1.unseen", {}, kind ? `${say("map")}: ${kindLabel(kind)}` : say("map")),
    top.root,
    h("div.mapped", {}, h("aside.panel", {}, panel), h("div.stage", {}, canvas, legend, card)),
  );
  const map = makeMap(canvas, { label: say("map.label") });
  const pins = new Pins(map, pick);
  const list = kind ? deviceRows(panel, kind, quantity, pick) : kindRows(panel);

  function pick(device) {
    picked = device;
    update();
  }

  function shownDevices() {
    return kind ? live.rows.filter((device) => device.kind === kind) : [...live.devices.values()].filter((device) => device.kind !== PLATFORM);
  }

  function update() {
    const shown = shownDevices();
    top.update();
    pins.picked = picked;
    const scale = kind ? scaleOf(quantity, shown.map((one) => one.values[quantity]?.value).filter((one) => one !== undefined), kind) : null;
    const [city, hub] = [colour("city"), colour("hub")];
    const paint = scale
      ? (one) => (one.values[quantity] ? scale.of(one.values[quantity].value) : colour("silent"))
      : (one) => (kinds.get(one.kind)?.workstream === "logistic_hub" ? hub : city);
    pins.show(shown, paint, quantity);
    const steps = scale?.steps ?? [{ colour: city, text: say("nav.smart_city") }, { colour: hub, text: say("nav.logistic_hub") }];
    drawLegend(legend, kind ? `${quantityLabel(quantity)}${unitOf(quantity) ? `, ${unitOf(quantity)}` : ""}` : "", steps);
    list.update(shown, paint, picked);
    const device = live.devices.get(picked);
    card.replaceChildren(...(device ? [deviceCard(device, kinds.get(device.kind)?.quantities, () => pick(""))] : []));
    if (!fitted && pins.dots.size) {
      fitted = true;
      pins.fit(false);
    }
    root.dataset.dots = pins.dots.size;
  }

  update();
  const stop = onLive(update);
  return () => {
    stop();
    map.remove();
  };
}

function drawLegend(legend, title, steps) {
  const text = JSON.stringify([title, steps]);
  if (legend.said === text) return;
  legend.said = text;
  legend.replaceChildren(
    title && h("p", {}, title) || "",
    ...steps.map((step) => h("span.step", {}, h("i", { css: { "--tint": step.colour } }), step.text)),
    h("span.step", {}, h("i.hollow"), say("map.silent")),
  );
}

function kindRows(panel) {
  const rows = new Map();
  const group = (stream) => h("section", {}, h("h2", {}, say(`nav.${stream}`)),
    h("ul", {}, [...kinds.values()].filter((kind) => kind.workstream === stream).map((kind) => {
      const row = { count: h("b"), off: h("small") };
      row.item = h("li", { hidden: true }, h("a", { href: address("map", kind.key) }, h("span", {}, either(kind.label)), row.off, row.count));
      rows.set(kind.key, row);
      return row.item;
    })));
  const empty = h("p.empty", {}, say("map.empty"));
  panel.replaceChildren(group("smart_city"), group("logistic_hub"), empty);
  return {
    update(devices) {
      const now = Date.now();
      const counts = new Map();
      for (const device of devices) {
        const of = counts.get(device.kind) ?? [0, 0];
        of[0] += 1;
        of[1] += silent(device, now) ? 1 : 0;
        counts.set(device.kind, of);
      }
      empty.hidden = devices.length > 0 || !live.turn;
      for (const [key, row] of rows) {
        const [count, off] = counts.get(key) ?? [0, 0];
        row.item.hidden = !count;
        put(row.count, number(count));
        put(row.off, off ? `${number(off)} ${say("map.silent")}` : "");
      }
    },
  };
}

function deviceRows(panel, kind, quantity, pick) {
  const body = h("ul.devices");
  const rows = new Map();
  let order = "";
  panel.replaceChildren(h("a.back", { href: "#/map" }, "‹ ", say("map.back")), h("h2", {}, kindLabel(kind)), h("p.sub", {}, quantityLabel(quantity), unitOf(quantity) && h("span.unit", {}, ` ${unitOf(quantity)}`)), body);
  const make = (device) => {
    const row = { tint: h("i"), value: h("b") };
    row.button = h("button", { type: "button", onclick: () => pick(device) }, row.tint, h("span", {}, device), row.value);
    row.item = h("li", {}, row.button);
    rows.set(device, row);
    return row;
  };
  return {
    update(devices, paint, picked) {
      const now = Date.now();
      const value = (one) => one.values[quantity]?.value ?? -Infinity;
      const sorted = [...devices].sort((a, b) => value(b) - value(a) || (a.device < b.device ? -1 : 1)).slice(0, MOST_ROWS);
      for (const device of sorted) {
        const row = rows.get(device.device) ?? make(device.device);
        const one = device.values[quantity];
        const off = silent(device, now);
        put(row.value, one ? spelled(quantity, one.value) : "–");
        row.tint.style.setProperty("--tint", off ? "transparent" : paint(device));
        row.item.className = off ? "off" : one && one.flag >= 3 ? "doubtful" : "";
        row.button.setAttribute("aria-pressed", String(device.device === picked));
      }
      const wanted = sorted.map((device) => device.device);
      // while somebody points at the list its order rests
      if (wanted.join() === order || (order && body.matches(":hover, :focus-within") && wanted.length === body.children.length)) return;
      order = wanted.join();
      body.replaceChildren(...wanted.map((device) => rows.get(device).item));
    },
  };
}
