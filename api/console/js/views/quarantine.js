/** The quarantine: what was held back, why, what to do, and the button that tries it again. */

/** @import { Close, QuarantinePayload, QuarantineRow } from "../types.d.ts" */

import { get, messageOf, post, query } from "../api.js";
import { h, input, setText } from "../dom.js";
import { number, t, when } from "../i18n.js";
import { live } from "../live.js";
import { poller } from "../poller.js";
import { REASON_KEYS, advice } from "../reasons.js";
import { href, route, setQuery } from "../router.js";

const EVERY_MS = 3000;
const PAGE = 50;
const MAX_DUMP_BYTES = 256;
const STATES = ["held", "requested", "released", "condensed", "expired"];

/**
 * @typedef {object} Selection
 * @property {Set<number>} picked Rows to try again.
 * @property {Set<number>} opened Rows whose details are shown.
 * @property {Map<number, QuarantinePayload>} payloads Bytes of the rows that were opened.
 * @property {(row: QuarantineRow) => void} open Show a row's details, and fetch its bytes.
 * @property {() => void} draw
 */

/** Open the view. @param {HTMLElement} root @returns {Close} */
export function quarantineView(root) {
  let pages = 1;
  /** @type {QuarantineRow[]} */
  let rows = [];
  /** @type {Selection} */
  const selection = { picked: new Set(), opened: new Set(), payloads: new Map(), open, draw };
  const { picked } = selection;
  const trouble = h("div");
  const result = h("p.said", { role: "status" });
  const state = stateSelect(changed);
  const reason = reasonSelect(changed);
  const some = input("button.strong", { type: "button", onclick: () => redrive({ ids: [...picked] }) });
  const whole = h("button", { type: "button", onclick: () => redrive({ reason: reason.value }) }, t("redrive.reason"));
  const every = input("input", { type: "checkbox", "aria-label": t("select.all"), onchange: pickAll });
  const body = h("tbody");
  const empty = h("p.empty", { hidden: true }, t("quarantine.empty"));
  const more = h("button", { type: "button", hidden: true, onclick: showMore }, t("more"));
  const heads = ["time", "reason", "device", "readings", "state"].map((key) => h("th", { scope: "col" }, t(key)));
  const table = h("table.held", {}, h("thead", {}, h("tr", {}, h("td", {}, every), heads)), body);
  const wide = h("div.wide", { tabindex: "0", role: "region", "aria-label": t("quarantine") }, table);
  const title = [
    h("p.what", {}, t("nav.operation")),
    h("h1", {}, t("quarantine")),
    h("p.hint", {}, t("quarantine.why")),
  ];
  root.append(
    h("header.head", {}, h("div", {}, title)),
    trouble,
    h(
      "div.filters",
      {},
      h("label", {}, h("span", {}, t("state")), state),
      h("label", {}, h("span", {}, t("reason")), reason),
      h("div.actions", {}, whole, some),
    ),
    result,
    wide,
    empty,
    more,
  );

  function changed() {
    pages = 1;
    picked.clear();
    setQuery({ state: state.value || "all", reason: reason.value });
    list.now();
  }

  function showMore() {
    pages += 1;
    list.now();
  }

  function pickAll() {
    picked.clear();
    if (every.checked) for (const row of rows) if (row.state === "held") picked.add(row.id);
    draw();
  }

  /** @param {object} which */
  async function redrive(which) {
    try {
      const { requested } = await post("/v1/quarantine/redrive", which);
      setText(result, t("redrive.done", number(requested)));
      picked.clear();
      every.checked = false;
    } catch (error) {
      setText(result, t("failed", messageOf(error)));
    }
    list.now();
  }

  /** @param {QuarantineRow} row */
  async function open(row) {
    selection.opened.add(row.id);
    draw();
    if (selection.payloads.has(row.id)) return;
    try {
      selection.payloads.set(row.id, await get(`/v1/quarantine/${row.id}`));
    } catch (error) {
      setText(result, t("failed", messageOf(error)));
    }
    draw();
  }

  function draw() {
    setText(some, picked.size ? t("redrive.some", number(picked.size)) : t("redrive.none"));
    some.disabled = !picked.size;
    whole.hidden = !reason.value;
    wide.hidden = !rows.length;
    empty.hidden = rows.length > 0;
    const active = document.activeElement;
    const focus = active instanceof HTMLElement ? active.dataset["focus"] : undefined;
    body.replaceChildren(...rows.flatMap((row) => rowsOf(row, selection)));
    const again = focus && body.querySelector(`[data-focus="${focus}"]`);
    if (again instanceof HTMLElement) again.focus();
  }

  const list = poller(
    async (signal) => {
      /** @type {QuarantineRow[]} */
      const found = [];
      let cursor = "";
      for (let page = 0; page < pages; page += 1) {
        const parameters = { state: state.value, reason: reason.value, limit: PAGE, cursor };
        const answer = await get(query("/v1/quarantine", parameters), signal);
        found.push(...answer.quarantine);
        cursor = answer.next;
        if (!cursor) break;
      }
      more.hidden = !cursor;
      const same = JSON.stringify(found) === JSON.stringify(rows);
      rows = found;
      const held = new Set(rows.filter((row) => row.state === "held").map((row) => row.id));
      for (const id of picked) if (!held.has(id)) picked.delete(id);
      if (!same || !body.children.length) draw();
    },
    EVERY_MS,
    trouble,
  );
  return list.stop;
}

/** @param {string} value @param {string} text @param {boolean} selected */
const option = (value, text, selected) => h("option", { value, selected }, text);

/** @param {() => void} onchange */
function stateSelect(onchange) {
  const chosen = route().query.get("state") ?? "held";
  const options = STATES.map((one) => option(one, t(`held.${one}`), one === chosen));
  return input("select", { onchange }, options, option("", t("all"), chosen === "all"));
}

/** @param {() => void} onchange */
function reasonSelect(onchange) {
  const chosen = route().query.get("reason") ?? "";
  const options = REASON_KEYS.map((one) => option(one, t(`reason.${one}`), one === chosen));
  return input("select", { onchange }, option("", t("all"), !chosen), options);
}

/** A payload's row, and its details where it is open. @param {QuarantineRow} row @param {Selection} selection */
function rowsOf(row, { picked, opened, payloads, open: show, draw }) {
  const open = opened.has(row.id);
  const reason = t(`reason.${row.reason}`);
  const from = row.device ?? row.gateway ?? row.topic;
  const toggle = (/** @type {Set<number>} */ set, /** @type {boolean} */ on) => () => {
    if (on) set.add(row.id);
    else set.delete(row.id);
    draw();
  };
  const box = input("input", {
    type: "checkbox",
    disabled: row.state !== "held",
    "aria-label": t("select", `${reason}, ${from}`),
    data: { focus: `pick${row.id}` },
    onchange: toggle(picked, !picked.has(row.id)),
  });
  box.checked = picked.has(row.id);
  const button = h(
    "button.plain.open",
    {
      type: "button",
      "aria-expanded": String(open),
      data: { focus: `open${row.id}` },
      onclick: open ? toggle(opened, false) : () => show(row),
    },
    reason,
  );
  const device = live.devices.has(row.device ?? "")
    ? h("a", { href: href("device", row.device ?? "") }, row.device)
    : from;
  const main = h(
    "tr",
    { data: { id: row.id } },
    h("td", {}, box),
    h("td.time", {}, when(Date.parse(row.received))),
    h("td", {}, button, h("p.sub", {}, row.detail)),
    h("td", {}, device, row.gateway && row.device && h("p.sub", {}, row.gateway)),
    h("td.number", {}, number(row.readings)),
    h(
      "td",
      {},
      h(`span.mark.${row.state}`, {}, t(`held.${row.state}`)),
      row.tries > 0 && h("p.sub", {}, `${t("tries")}: ${row.tries}`),
    ),
  );
  return open ? [main, h("tr.more", {}, h("td"), h("td", { colspan: 5 }, details(row, payloads.get(row.id))))] : [main];
}

/** @param {QuarantineRow} row @param {QuarantinePayload | undefined} held */
function details(row, held) {
  const bytes = Uint8Array.from(atob(held?.payload ?? ""), (sign) => sign.charCodeAt(0));
  const hex = [...bytes.slice(0, MAX_DUMP_BYTES)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const many = row.digest
    ? t("payload.many", number(row.payloads), number(row.bytes))
    : t("payload.large", number(row.bytes));
  const size = h("p.sub", {}, many);
  /** @type {[string, string | null | HTMLElement[]][]} */
  const facts = [
    ["todo", t(advice(row.reason))],
    ["detail", row.detail],
    ["topic", row.topic],
    ["origin", row.origin],
    ["payload", [h("pre", { tabindex: "0" }, held?.text ?? hex), size]],
  ];
  return h(
    "dl",
    {},
    facts.flatMap(([key, value]) => (value ? [h("dt", {}, t(key)), h("dd", {}, value)] : [])),
  );
}
