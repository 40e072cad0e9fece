/** All devices, to be searched: the map's content as a table. */

import { kindLabel, kinds, measured, quantityLabel } from "../catalog.js";
import { flagMark } from "../devicecard.js";
import { h, put } from "../dom.js";
import { live, onLive } from "../live.js";
import { silent } from "../pins.js";
import { address, ask, place } from "../router.js";
import { ago, number, say } from "../tongue.js";

const PAGE = 50;

/** Open the view. */
export function devicesView(root) {
  let most = PAGE;
  const { asked } = place();
  const search = h("input", { type: "search", id: "search", value: asked.get("q") ?? "", placeholder: say("search.device"), oninput: changed });
  const kind = h("select", { id: "kind", onchange: changed }, h("option", { value: "" }, say("all")),
    [...kinds.values()].map((row) => h("option", { value: row.key, selected: asked.get("kind") === row.key }, kindLabel(row.key))));
  const quiet = h("input", { type: "checkbox", id: "quiet", checked: asked.get("quiet") === "1", onchange: changed });
  const count = h("p.count", { role: "status" });
  const body = h("tbody");
  const more = h("button", { type: "button", onclick: () => { most += PAGE; update(); } }, say("more"));
  const rows = new Map();
  root.append(
    h("header.head", {}, h("div", {}, h("p.what", {}, say("nav.operation")), h("h1", {}, say("devices"))), count),
    h("form.filters", { role: "search", onsubmit: (event) => event.preventDefault() },
      h("label", {}, h("span", {}, say("search")), search), h("label", {}, h("span", {}, say("kind")), kind), h("label.check", {}, quiet, h("span", {}, say("figure.silent")))),
    h("div.wide", { tabindex: "0", role: "region", "aria-label": say("devices") }, h("table", {}, h("thead", {}, h("tr", {}, ["device", "kind", "newest", "time"].map((key) => h("th", { scope: "col" }, say(key))))), body)),
    more,
  );

  function changed() {
    most = PAGE;
    ask({ q: search.value, kind: kind.value, quiet: quiet.checked ? "1" : "" });
    update();
  }

  function update() {
    const now = Date.now();
    const text = search.value.trim().toLowerCase();
    const found = [...live.devices.values()].filter((device) =>
      (!text || device.device.includes(text)) && (!kind.value || device.kinds.includes(kind.value)) && (!quiet.checked || silent(device, now)));
    put(count, `${number(found.length)} ${say("figure.of", number(live.devices.size))}`);
    more.hidden = found.length <= most;
    const shown = found.slice(0, most).map((device) => {
      const old = rows.get(device.device);
      const key = `${device.time} ${ago(device.time, now)}`;
      if (old?.key === key) return old.row;
      const row = line(device, now);
      rows.set(device.device, { row, key });
      if (old) old.row.replaceWith(row);
      return row;
    });
    if (shown.length !== body.children.length || shown.some((row, n) => row !== body.children[n])) body.replaceChildren(...shown);
  }

  update();
  return onLive(update);
}

function line(device, now) {
  const order = kinds.get(device.kind)?.quantities ?? [];
  const keys = [...order.filter((key) => key in device.values), ...Object.keys(device.values).filter((key) => !order.includes(key))];
  return h("tr", {},
    h("th", { scope: "row" }, h("a", { href: address("device", device.device) }, device.device)),
    h("td", {}, device.kinds.map(kindLabel).join(" · ")),
    h("td.some", {}, keys.slice(0, 4).map((key) => h("span", {}, h("small", {}, quantityLabel(key)), " ", h(`b.v${device.values[key].flag}`, {}, measured(key, device.values[key].value)), flagMark(device.values[key].flag)))),
    h(`td.time${silent(device, now) ? ".off" : ""}`, {}, ago(device.time, now)));
}
