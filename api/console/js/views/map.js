/** The city map: all kinds, then one kind by its value, then one device. */

/** @import { Close, Device } from "../types.d.ts" */
/** @import { Step } from "../scale.js" */

import { createMap } from "../basemap.js";
import { PLATFORM, formatValue, headline, kindLabel, kinds, quantityLabel, unitOf } from "../catalog.js";
import { deviceCard } from "../devicecard.js";
import { colour, h, setText } from "../dom.js";
import { localized, number, t } from "../i18n.js";
import { kpis } from "../kpis.js";
import { live, onLive } from "../live.js";
import { Markers, silent } from "../markers.js";
import { href, route } from "../router.js";
import { scaleOf } from "../scale.js";

const MAX_ROWS = 200;
const SUSPECT = 3;

/**
 * @typedef {{fill: (device: Device) => string, steps: Step[]}} Colours
 * @typedef {{update: (devices: Device[], fill: Colours["fill"], picked: string) => void}} List
 */

/** Open the view. @param {HTMLElement} root @returns {Close} */
export function mapView(root) {
  const asked = route();
  const kind = kinds.has(asked.id) ? asked.id : "";
  const quantity = kind && headline(kind);
  let picked = asked.query.get("device") ?? "";
  let fitted = false;
  const top = kpis();
  const canvas = h("div.canvas");
  const legend = h("div.legend", { "aria-hidden": "true" });
  const panel = h("div.list", { tabindex: "0", role: "region", "aria-label": t(kind ? "devices" : "map.kinds") });
  const card = h("div.pick", { "aria-live": "polite" });
  root.append(
    h("h1.unseen", {}, kind ? `${t("map")}: ${kindLabel(kind)}` : t("map")),
    top.root,
    h("div.mapped", {}, h("aside.panel", {}, panel), h("div.stage", {}, canvas, legend, card)),
  );
  const map = createMap(canvas, { label: t("map.label") });
  const markers = new Markers(map, pick);
  const drawLegend = legendIn(legend, kind && withUnit(quantity));
  /** @type {List} */
  const list = kind ? deviceList(panel, kind, quantity, pick) : kindList(panel);

  /** @param {string} device */
  function pick(device) {
    picked = device;
    update();
  }

  function update() {
    const shown = kind
      ? live.rows.filter((device) => device.kind === kind)
      : [...live.devices.values()].filter((device) => device.kind !== PLATFORM);
    top.update();
    markers.picked = picked;
    const { fill, steps } = kind ? coloursByValue(shown, kind, quantity) : coloursByWorkstream();
    markers.show(shown, fill, quantity);
    drawLegend(steps);
    list.update(shown, fill, picked);
    const device = live.devices.get(picked);
    card.replaceChildren(...(device ? [deviceCard(device, () => pick(""))] : []));
    if (!fitted && markers.dots.size) {
      fitted = true;
      markers.fit(false);
    }
    root.dataset["dots"] = String(markers.dots.size);
  }

  update();
  const stop = onLive(update);
  return () => {
    stop();
    map.remove();
  };
}

/** @param {string} quantity */
const withUnit = (quantity) => [quantityLabel(quantity), unitOf(quantity)].filter(Boolean).join(", ");

/** @param {Device[]} devices @param {string} kind @param {string} quantity @returns {Colours} */
function coloursByValue(devices, kind, quantity) {
  const scale = scaleOf(
    quantity,
    devices.flatMap((device) => device.values[quantity]?.value ?? []),
    kind,
  );
  const none = colour("silent");
  const fill = (/** @type {Device} */ { values: { [quantity]: newest } }) => (newest ? scale.of(newest.value) : none);
  return { fill, steps: scale.steps };
}

/** @returns {Colours} */
function coloursByWorkstream() {
  const [city, hub] = [colour("city"), colour("hub")];
  const steps = [
    { colour: city, text: t("nav.smart_city") },
    { colour: hub, text: t("nav.logistic_hub") },
  ];
  return { fill: (device) => (kinds.get(device.kind)?.workstream === "logistic_hub" ? hub : city), steps };
}

/** @param {HTMLElement} host @param {string} title */
function legendIn(host, title) {
  let drawn = "";
  return (/** @type {Step[]} */ steps) => {
    const text = JSON.stringify(steps);
    if (drawn === text) return;
    drawn = text;
    const marks = steps.map((step) => h("span.step", {}, h("i", { css: { "--tint": step.colour } }), step.text));
    host.replaceChildren(
      ...(title ? [h("p", {}, title)] : []),
      ...marks,
      h("span.step", {}, h("i.hollow"), t("map.silent")),
    );
  };
}

/** All kinds, with how many devices each has. @param {HTMLElement} panel @returns {List} */
function kindList(panel) {
  const rows = [...kinds.values()].map((kind) => {
    const [count, off] = [h("b"), h("small")];
    const link = h("a", { href: href("map", kind.key) }, h("span", {}, localized(kind.label)), off, count);
    return { kind, count, off, item: h("li", { hidden: true }, link) };
  });
  const group = (/** @type {string} */ stream) => {
    const items = rows.filter((row) => row.kind.workstream === stream).map((row) => row.item);
    return h("section", {}, h("h2", {}, t(`nav.${stream}`)), h("ul", {}, items));
  };
  const empty = h("p.empty", {}, t("map.empty"));
  panel.replaceChildren(group("smart_city"), group("logistic_hub"), empty);
  return {
    update(devices) {
      const now = Date.now();
      empty.hidden = devices.length > 0 || !live.rounds;
      for (const { kind, count, off, item } of rows) {
        const ofKind = devices.filter((device) => device.kind === kind.key);
        const quiet = ofKind.filter((device) => silent(device, now)).length;
        item.hidden = !ofKind.length;
        setText(count, number(ofKind.length));
        setText(off, quiet ? `${number(quiet)} ${t("map.silent")}` : "");
      }
    },
  };
}

/**
 * The devices of a kind, highest value first.
 * @param {HTMLElement} panel
 * @param {string} kind
 * @param {string} quantity
 * @param {(device: string) => void} pick
 * @returns {List}
 */
function deviceList(panel, kind, quantity, pick) {
  const body = h("ul.devices");
  /** @type {Map<string, ReturnType<typeof make>>} */
  const rows = new Map();
  let order = "";
  const unit = unitOf(quantity);
  panel.replaceChildren(
    h("a.back", { href: "#/map" }, "‹ ", t("map.back")),
    h("h2", {}, kindLabel(kind)),
    h("p.sub", {}, quantityLabel(quantity), unit && h("span.unit", {}, ` ${unit}`)),
    body,
  );

  /** @param {string} device */
  function make(device) {
    const [tint, value] = [h("i"), h("b")];
    const button = h("button", { type: "button", onclick: () => pick(device) }, tint, h("span", {}, device), value);
    return { tint, value, button, item: h("li", {}, button) };
  }

  /** @param {Device} device @param {Colours["fill"]} fill @param {string} picked */
  function draw(device, fill, picked) {
    const row = rows.get(device.device) ?? make(device.device);
    rows.set(device.device, row);
    const newest = device.values[quantity];
    const off = silent(device);
    const doubtful = newest && newest.flag >= SUSPECT;
    setText(row.value, formatValue(quantity, newest?.value));
    row.tint.style.setProperty("--tint", off ? "transparent" : fill(device));
    row.item.className = off ? "off" : doubtful ? "doubtful" : "";
    row.button.setAttribute("aria-pressed", String(device.device === picked));
    return row.item;
  }

  return {
    update(devices, fill, picked) {
      const value = (/** @type {Device} */ device) => device.values[quantity]?.value ?? -Infinity;
      const sorted = [...devices]
        .sort((a, b) => value(b) - value(a) || (a.device < b.device ? -1 : 1))
        .slice(0, MAX_ROWS);
      const items = sorted.map((device) => draw(device, fill, picked));
      const wanted = sorted.map((device) => device.device).join();
      // while a pointer or the keyboard is in the list its order rests
      const resting = order && body.matches(":hover, :focus-within") && items.length === body.children.length;
      if (wanted === order || resting) return;
      order = wanted;
      body.replaceChildren(...items);
    },
  };
}
