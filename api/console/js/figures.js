/** The figures at the top of the city map: is everything heard, and is every reading accounted for? */

import { PLATFORM } from "./catalog.js";
import { h, put } from "./dom.js";
import { live } from "./live.js";
import { silent } from "./pins.js";
import { number, say } from "./tongue.js";

/** Make the row; `update` fills it. */
export function figures() {
  const rows = {};
  const make = (name, link) => {
    rows[name] = { big: h("span.big", {}, "–"), small: h("span.small") };
    return h(link ? "a.figure" : "div.figure", { href: link, data: { figure: name } }, h("span.what", {}, say(`figure.${name}`)), h("span.line", {}, rows[name].big, rows[name].small));
  };
  const root = h("section.figures", { "aria-label": say("nav.now") },
    make("reporting", "#/devices"), make("stored", "#/ledger"), make("pending", "#/ledger"), make("held", "#/quarantine"), make("balance", "#/ledger"));

  function set(name, big, small = "", mood = "") {
    put(rows[name].big, big);
    put(rows[name].small, small);
    rows[name].big.closest(".figure").dataset.mood = mood;
  }

  function update() {
    const now = Date.now();
    const all = [...live.devices.values()].filter((device) => device.kind !== PLATFORM);
    const quiet = all.filter((device) => silent(device, now)).length;
    if (live.turn) set("reporting", number(all.length - quiet), say("figure.of", number(all.length)), quiet ? "watch" : "");
    const sums = live.ledger;
    if (!sums) return;
    set("stored", number(sums.stored));
    set("pending", number(sums.pending));
    set("held", number(sums.quarantined), "", sums.quarantined ? "watch" : "");
    set("balance", say(sums.balanced ? "balanced" : "unbalanced"), "", sums.balanced ? "good" : "bad");
  }
  return { root, update };
}
