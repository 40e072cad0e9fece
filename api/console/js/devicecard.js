/** What one device says now, in a few lines. */

/** @import { Device } from "./types.d.ts" */

import { decimalsOf, formatValue, kindLabel, kinds, quantityLabel, unitOf } from "./catalog.js";
import { h } from "./dom.js";
import { ago, t } from "./i18n.js";
import { silent } from "./markers.js";
import { href } from "./router.js";

/** A mark for a flag that isn't good, with its word for those who can't see it. @param {number} flag */
export function flagMark(flag) {
  return flag === 1 || flag === 2 ? null : h(`span.flag.flag${flag}`, {}, t(`flag.${flag}`));
}

/** Sort quantities as their kind names them; others follow. @param {string[]} keys @param {string} kind */
export function inOrder(keys, kind) {
  const order = kinds.get(kind)?.quantities ?? [];
  const rank = (/** @type {string} */ key) => (order.includes(key) ? order.indexOf(key) : order.length);
  return keys.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** How long ago a device was seen. @param {Device} device */
export const lastSeenText = (device) => `${silent(device) ? `${t("map.silent")} · ` : ""}${ago(device.time)}`;

/** The rows of newest values. @param {Device} device */
export function valueList(device) {
  const rows = inOrder(Object.keys(device.values), device.kind).map((key) => {
    const { value = 0, flag = 0 } = device.values[key] ?? {};
    const unit = unitOf(key);
    return h(
      "div",
      { data: { quantity: key, decimals: decimalsOf(key) } },
      h("dt", {}, quantityLabel(key)),
      h("dd", {}, h(`b.v${flag}`, {}, formatValue(key, value)), " ", unit && h("span.unit", {}, unit), flagMark(flag)),
    );
  });
  return h("dl.values", {}, rows);
}

/** The card. @param {Device} device @param {() => void} onClose */
export function deviceCard(device, onClose) {
  const kindText = device.kinds.map(kindLabel).join(" · ");
  return h(
    "article.card",
    { "aria-label": device.device },
    h(
      "header",
      {},
      h("div", {}, h("p.what", {}, kindText), h("h2", {}, device.device)),
      h("button.plain", { type: "button", "aria-label": t("close"), onclick: onClose }, "×"),
    ),
    h(`p.last-seen${silent(device) ? ".off" : ""}`, {}, lastSeenText(device)),
    valueList(device),
    h("a.go", { href: href("device", device.device) }, t("device.open")),
  );
}
