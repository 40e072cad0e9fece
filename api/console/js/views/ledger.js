/** The ledger: what came in, and what became of every reading. */

/** @import { Close, Figure, Sums } from "../types.d.ts" */

import { all, get, query } from "../api.js";
import { outcomes } from "../catalog.js";
import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { poller } from "../poller.js";
import { endsOf, rangeBar, rangeNow, aligned } from "../range.js";
import { href } from "../router.js";

const EVERY_MS = 10_000;
const HOUR = 3600;
const DAY = 24 * HOUR;
const MAX_PAGES = 3;
/** @type {Figure[]} */
const UNWANTED = ["quarantined", "rejected", "gaps"];

/** @typedef {"gateway" | "device"} By */

/** Open the view. @param {HTMLElement} root @returns {Close} */
export function ledgerView(root) {
  /** @type {By} */
  let by = "gateway";
  const trouble = h("div");
  const verdict = h("p.verdict");
  const sums = h("section.equation");
  const choices = /** @type {By[]} */ (["gateway", "device"]).map((one) => {
    const onclick = () => {
      by = one;
      accounts.now();
    };
    return { by: one, button: h("button", { type: "button", data: { by: one }, onclick }, t(`by.${one}`)) };
  });
  const choose = h(
    "div.range",
    { role: "group", "aria-label": t("ledger") },
    choices.map(({ button }) => button),
  );
  const head = h("th", { scope: "col" });
  const body = h("tbody");
  const { bar } = rangeBar(() => accounts.now(), DAY);
  const columns = figures().map((key) => h("th.number", { scope: "col" }, t(key)));
  const table = h("table", {}, h("thead", {}, h("tr", {}, head, columns)), body);
  const title = h("div", {}, h("p.what", {}, t("nav.operation")), h("h1", {}, t("ledger")), verdict);
  root.append(
    h("header.head", {}, title, bar),
    trouble,
    sums,
    h("p.hint", {}, t("ledger.why")),
    choose,
    h("div.wide", { tabindex: "0", role: "region", "aria-label": t("ledger") }, table),
  );

  const accounts = poller(
    async (signal) => {
      const hours = endsOf(aligned(rangeNow(DAY), HOUR));
      /** @type {[Sums, Sums[]]} */
      const [total, rows] = await Promise.all([
        get(query("/v1/ledger", hours), signal),
        all(query("/v1/ledger", { ...hours, by }), "accounts", { signal, maxPages: MAX_PAGES }),
      ]);
      const balance = total.balanced ? "balanced" : "unbalanced";
      verdict.textContent = `${t(balance)}. ${t(`${balance}.why`)}`;
      verdict.dataset["mood"] = total.balanced ? "good" : "bad";
      sums.replaceChildren(...equation(total));
      head.textContent = t(by);
      for (const choice of choices) choice.button.setAttribute("aria-pressed", String(choice.by === by));
      body.replaceChildren(...rows.map((row) => accountRow(by, row)));
    },
    EVERY_MS,
    trouble,
  );
  return accounts.stop;
}

/** @param {By} by @param {Sums} row */
function accountRow(by, row) {
  const cells = figures().map((key) => {
    const mood = UNWANTED.includes(key) && row[key] ? "watch" : "";
    return h("td.number", { data: { mood } }, number(row[key]));
  });
  return h("tr", {}, h("th", { scope: "row" }, nameOf(by, row[by])), cells);
}

/** @param {By} by @param {string | undefined} key */
function nameOf(by, key) {
  if (by === "gateway") return key || t("direct.all");
  return key ? h("a", { href: href("device", key) }, key) : t("unknown");
}

/** The columns of the table, once the catalog is there. @returns {Figure[]} */
const figures = () => ["received", ...outcomes, "pending", "gaps"];

/** @param {Sums} total */
function equation(total) {
  const term = (/** @type {Figure} */ key, /** @type {string} */ sign) => [
    h("span.sign", { "aria-hidden": "true" }, sign),
    h("div.term", { data: { fate: key } }, h("span.big", {}, number(total[key])), h("span.what", {}, t(key))),
  ];
  const share = (/** @type {Figure} */ key) => (total.received ? total[key] / total.received : 0);
  const fates = outcomes.flatMap((key, n) => term(key, n ? "+" : "="));
  const beside = h("div.beside", {}, term("pending", ""), term("gaps", ""));
  const shares = outcomes.map((key) => h("i", { data: { fate: key }, css: { "--share": share(key) } }));
  const label = outcomes.map((key) => `${t(key)} ${percent(share(key), 2)}`).join(", ");
  return [
    h("div.terms", {}, term("received", ""), fates, beside),
    h("div.shares", { role: "img", "aria-label": label }, shares),
  ];
}
