/** What one device says now, in a few lines. */

import { decimalsOf, isState, kindLabel, quantityLabel, spelled, unitOf } from "./catalog.js";
import { h } from "./dom.js";
import { silent } from "./pins.js";
import { address } from "./router.js";
import { ago, say } from "./tongue.js";

/** A mark for a flag that isn't good, with its word for those who can't see it. */
export function flagMark(flag) {
  return flag === 1 || flag === 2 ? null : h(`span.flag.flag${flag}`, {}, say(`flag.${flag}`));
}

/** The rows of newest values. */
export function valueList(device, order = []) {
  const keys = Object.keys(device.values);
  const rank = (key) => (order.includes(key) ? order.indexOf(key) : order.length);
  keys.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return h("dl.values", {}, keys.map((key) => {
    const one = device.values[key];
    return h("div", { data: { quantity: key, decimals: decimalsOf(key) } },
      h("dt", {}, quantityLabel(key)),
      h("dd", {}, h(`b.v${one.flag}`, {}, spelled(key, one.value)), " ", isState(key) ? null : h("span.unit", {}, unitOf(key)), flagMark(one.flag)));
  }));
}

/** The card. */
export function deviceCard(device, order, onclose) {
  const off = silent(device);
  return h("article.card", { "aria-label": device.device },
    h("header", {},
      h("div", {}, h("p.what", {}, device.kinds.map(kindLabel).join(" · ")), h("h2", {}, device.device)),
      h("button.plain", { type: "button", "aria-label": say("close"), onclick: onclose }, "×")),
    h(`p.heard${off ? ".off" : ""}`, {}, off ? `${say("map.silent")} · ` : "", ago(device.time)),
    valueList(device, order),
    h("a.go", { href: address("device", device.device) }, say("device.open")));
}
