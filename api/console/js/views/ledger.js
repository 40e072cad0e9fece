/** The ledger: what came in, and what became of every reading. */

import { all, get, query } from "../api.js";
import { h } from "../dom.js";
import { loader } from "../loader.js";
import { rangeBar, rangeNow } from "../range.js";
import { address } from "../router.js";
import { number, percent, say } from "../tongue.js";

const EVERY_MS = 10_000;
const DAY = 86_400;
const FATES = ["stored", "duplicate", "quarantined", "rejected"];
const COLUMNS = ["received", ...FATES, "pending", "gaps"];

/** Open the view. */
export function ledgerView(root) {
  let by = "gateway";
  const trouble = h("div");
  const verdict = h("p.verdict");
  const sums = h("section.equation");
  const choose = h("div.range", { role: "group", "aria-label": say("ledger") }, ["gateway", "device"].map((one) =>
    h("button", { type: "button", data: { by: one }, onclick: () => { by = one; accounts.now(); } }, say(`by.${one}`))));
  const head = h("th", { scope: "col" });
  const body = h("tbody");
  const bar = rangeBar(() => accounts.now(), DAY);
  root.append(
    h("header.head", {}, h("div", {}, h("p.what", {}, say("nav.operation")), h("h1", {}, say("ledger")), verdict), bar),
    trouble, sums, h("p.hint", {}, say("ledger.why")), choose,
    h("div.wide", { tabindex: "0", role: "region", "aria-label": say("ledger") }, h("table", {}, h("thead", {}, h("tr", {}, head, COLUMNS.map((key) => h("th.number", { scope: "col" }, say(key))))), body)),
  );

  const accounts = loader(async (signal) => {
    const range = rangeNow(DAY);
    const hours = { start: instant(Math.floor(range.start / 3600)), end: instant(Math.ceil(range.end / 3600)) };
    const [total, rows] = await Promise.all([
      get(query("/v1/ledger", hours), signal),
      all(query("/v1/ledger", { ...hours, by }), "accounts", { signal, most: 3 }),
    ]);
    verdict.textContent = `${say(total.balanced ? "balanced" : "unbalanced")}. ${say(total.balanced ? "balanced.why" : "unbalanced.why")}`;
    verdict.dataset.mood = total.balanced ? "good" : "bad";
    sums.replaceChildren(...equation(total));
    head.textContent = say(by);
    for (const button of choose.children) button.setAttribute("aria-pressed", String(button.dataset.by === by));
    body.replaceChildren(...rows.map((row) => h("tr", {}, h("th", { scope: "row" }, name(by, row[by])), COLUMNS.map((key) =>
      h("td.number", { data: { mood: ["quarantined", "rejected", "gaps"].includes(key) && row[key] ? "watch" : "" } }, number(row[key]))))));
  }, EVERY_MS, trouble);
  return accounts.stop;
}

const instant = (hours) => new Date(hours * 3_600_000).toISOString();

function name(by, key) {
  if (by === "device") return key ? h("a", { href: address("device", key) }, key) : say("unknown");
  return key || say("direct.all");
}

function equation(total) {
  const term = (key, sign) => [h("span.sign", { "aria-hidden": "true" }, sign), h("div.term", { data: { fate: key } }, h("span.big", {}, number(total[key])), h("span.what", {}, say(key)))];
  const share = (key) => (total.received ? total[key] / total.received : 0);
  return [
    h("div.terms", {}, term("received", ""), FATES.map((key, n) => term(key, n ? "+" : "=")), h("div.beside", {}, term("pending", ""), term("gaps", ""))),
    h("div.shares", { role: "img", "aria-label": FATES.map((key) => `${say(key)} ${percent(share(key), 2)}`).join(", ") },
      FATES.map((key) => h("i", { data: { fate: key }, css: { "--share": share(key) } }))),
  ];
}
