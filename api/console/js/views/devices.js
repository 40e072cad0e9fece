/** All devices, to be searched: the map's content as a table. */

/** @import { Close, Device } from "../types.d.ts" */

import { formatWithUnit, kindLabel, kinds, quantityLabel } from "../catalog.js";
import { flagMark, inOrder } from "../devicecard.js";
import { h, input, setText } from "../dom.js";
import { ago, number, t } from "../i18n.js";
import { live, onLive } from "../live.js";
import { silent } from "../markers.js";
import { href, route, setQuery } from "../router.js";

const PAGE = 50;
const MAX_VALUES = 4;

/** Open the view. @param {HTMLElement} root @returns {Close} */
export function devicesView(root) {
  let rows = PAGE;
  const { query } = route();
  const search = input("input", {
    type: "search",
    id: "search",
    value: query.get("q") ?? "",
    placeholder: t("search.device"),
    oninput: changed,
  });
  const options = [...kinds.keys()].map((key) =>
    h("option", { value: key, selected: query.get("kind") === key }, kindLabel(key)),
  );
  const kind = input("select", { id: "kind", onchange: changed }, h("option", { value: "" }, t("all")), options);
  const quiet = input("input", {
    type: "checkbox",
    id: "quiet",
    checked: query.get("quiet") === "1",
    onchange: changed,
  });
  const count = h("p.count", { role: "status" });
  const body = h("tbody");
  const more = h("button", { type: "button", onclick: showMore }, t("more"));
  /** @type {Map<string, {row: HTMLElement, key: string}>} */
  const drawn = new Map();
  const heads = ["device", "kind", "newest", "time"].map((key) => h("th", { scope: "col" }, t(key)));
  const table = h("table", {}, h("thead", {}, h("tr", {}, heads)), body);
  root.append(
    h("header.head", {}, h("div", {}, h("p.what", {}, t("nav.operation")), h("h1", {}, t("devices"))), count),
    h(
      "form.filters",
      { role: "search", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      h("label", {}, h("span", {}, t("search")), search),
      h("label", {}, h("span", {}, t("kind")), kind),
      h("label.check", {}, quiet, h("span", {}, t("kpi.silent"))),
    ),
    h("div.wide", { tabindex: "0", role: "region", "aria-label": t("devices") }, table),
    more,
  );

  function changed() {
    rows = PAGE;
    setQuery({ q: search.value, kind: kind.value, quiet: quiet.checked ? "1" : "" });
    update();
  }

  function showMore() {
    rows += PAGE;
    update();
  }

  /** @param {Device} device @param {number} now */
  function matches(device, now) {
    const text = search.value.trim().toLowerCase();
    if (text && !device.device.includes(text)) return false;
    if (kind.value && !device.kinds.includes(kind.value)) return false;
    return !quiet.checked || silent(device, now);
  }

  /** The row of a device; the old one where nothing changed. @param {Device} device @param {number} now */
  function rowOf(device, now) {
    const old = drawn.get(device.device);
    const key = `${device.time} ${ago(device.time, now)}`;
    if (old?.key === key) return old.row;
    const row = deviceRow(device, now);
    drawn.set(device.device, { row, key });
    old?.row.replaceWith(row);
    return row;
  }

  function update() {
    const now = Date.now();
    const found = [...live.devices.values()].filter((device) => matches(device, now));
    setText(count, `${number(found.length)} ${t("kpi.of", number(live.devices.size))}`);
    more.hidden = found.length <= rows;
    const shown = found.slice(0, rows).map((device) => rowOf(device, now));
    const same = shown.length === body.children.length && shown.every((row, n) => row === body.children[n]);
    if (!same) body.replaceChildren(...shown);
  }

  update();
  return onLive(update);
}

/** @param {Device} device @param {number} now */
function deviceRow(device, now) {
  const values = inOrder(Object.keys(device.values), device.kind)
    .slice(0, MAX_VALUES)
    .map((key) => {
      const { value = 0, flag = 0 } = device.values[key] ?? {};
      const text = h(`b.v${flag}`, {}, formatWithUnit(key, value));
      return h("span", {}, h("small", {}, quantityLabel(key)), " ", text, flagMark(flag));
    });
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: href("device", device.device) }, device.device)),
    h("td", {}, device.kinds.map(kindLabel).join(" · ")),
    h("td.some", {}, values),
    h(`td.time${silent(device, now) ? ".off" : ""}`, {}, ago(device.time, now)),
  );
}
