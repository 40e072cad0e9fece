/** The figures at the top of the city map: does every device report, and is every reading accounted for? */

import { PLATFORM } from "./catalog.js";
import { h, setText } from "./dom.js";
import { number, t } from "./i18n.js";
import { live } from "./live.js";
import { silent } from "./markers.js";

const LINKS = {
  reporting: "#/devices",
  stored: "#/ledger",
  pending: "#/ledger",
  held: "#/quarantine",
  balance: "#/ledger",
};

/** @typedef {keyof typeof LINKS} Kpi */

/** Make the row; `update` fills it. */
export function kpis() {
  const boxes = Object.entries(LINKS).map(([name, link]) => {
    const [big, small] = [h("span.big", {}, "–"), h("span.small")];
    const line = h("span.line", {}, big, small);
    const box = h("a.kpi", { href: link, data: { kpi: name } }, h("span.what", {}, t(`kpi.${name}`)), line);
    return { name, box, big, small };
  });
  const root = h(
    "section.kpis",
    { "aria-label": t("nav.now") },
    boxes.map(({ box }) => box),
  );

  /** @param {Kpi} name @param {string} text */
  function set(name, text, detail = "", mood = "") {
    const found = boxes.find((one) => one.name === name);
    if (!found) return;
    setText(found.big, text);
    setText(found.small, detail);
    found.box.dataset["mood"] = mood;
  }

  function update() {
    const now = Date.now();
    const all = [...live.devices.values()].filter((device) => device.kind !== PLATFORM);
    const quiet = all.filter((device) => silent(device, now)).length;
    if (live.rounds)
      set("reporting", number(all.length - quiet), t("kpi.of", number(all.length)), quiet ? "watch" : "");
    const sums = live.ledger;
    if (!sums) return;
    set("stored", number(sums.stored));
    set("pending", number(sums.pending));
    set("held", number(sums.quarantined), "", sums.quarantined ? "watch" : "");
    set("balance", t(sums.balanced ? "balanced" : "unbalanced"), "", sums.balanced ? "good" : "bad");
  }
  return { root, update };
}
