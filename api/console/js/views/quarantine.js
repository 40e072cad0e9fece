/** The quarantine: what was held back, why, what to do, and the button that tries it again. */

import { get, post, query } from "../api.js";
import { h, put } from "../dom.js";
import { live } from "../live.js";
import { loader } from "../loader.js";
import { advice, REASON_KEYS } from "../reasons.js";
import { address, ask, place } from "../router.js";
import { number, say, when } from "../tongue.js";

const EVERY_MS = 3000;
const PAGE = 50;
const STATES = ["held", "requested", "released"];

/** Open the view. */
export function quarantineView(root) {
  const { asked } = place();
  let pages = 1;
  const picked = new Set();
  const opened = new Set();
  const trouble = h("div");
  const said = h("p.said", { role: "status" });
  const option = (value, text, chosen) => h("option", { value, selected: value === chosen }, text);
  const state = h("select", { onchange: changed }, STATES.map((one) => option(one, say(`held.${one}`), asked.get("state") ?? "held")), option("", say("all"), asked.get("state") === "all" ? "" : null));
  const reason = h("select", { onchange: changed }, option("", say("all"), asked.get("reason") ?? ""), REASON_KEYS.map((one) => option(one, say(`reason.${one}`), asked.get("reason"))));
  const some = h("button.strong", { type: "button", onclick: () => redrive({ ids: [...picked] }) });
  const whole = h("button", { type: "button", onclick: () => redrive({ reason: reason.value }) }, say("redrive.reason"));
  const every = h("input", { type: "checkbox", "aria-label": say("select.all"), onchange: () => { rows.forEach((row) => row.state === "held" && (every.checked ? picked.add(row.id) : picked.delete(row.id))); draw(); } });
  const body = h("tbody");
  const empty = h("p.empty", { hidden: true }, say("quarantine.empty"));
  const more = h("button", { type: "button", hidden: true, onclick: () => { pages += 1; list.now(); } }, say("more"));
  const wide = h("div.wide", { tabindex: "0", role: "region", "aria-label": say("quarantine") },
    h("table.held", {}, h("thead", {}, h("tr", {}, h("td", {}, every), ["time", "reason", "device", "readings", "state"].map((key) => h("th", { scope: "col" }, say(key))))), body));
  let rows = [];
  root.append(
    h("header.head", {}, h("div", {}, h("p.what", {}, say("nav.operation")), h("h1", {}, say("quarantine")), h("p.hint", {}, say("quarantine.why")))),
    trouble,
    h("div.filters", {}, h("label", {}, h("span", {}, say("state")), state), h("label", {}, h("span", {}, say("reason")), reason), h("div.actions", {}, whole, some)),
    said, wide, empty, more,
  );

  function changed() {
    pages = 1;
    picked.clear();
    ask({ state: state.value || "all", reason: reason.value });
    list.now();
  }

  async function redrive(body) {
    try {
      const { requested } = await post("/v1/quarantine/redrive", body);
      put(said, say("redrive.done", number(requested)));
      picked.clear();
      every.checked = false;
    } catch (error) {
      put(said, say("failed", error.message));
    }
    list.now();
  }

  function draw() {
    put(some, picked.size ? say("redrive.some", number(picked.size)) : say("redrive.none"));
    some.disabled = !picked.size;
    whole.hidden = !reason.value;
    wide.hidden = !rows.length;
    empty.hidden = rows.length > 0;
    const focus = document.activeElement?.dataset?.focus;
    body.replaceChildren(...rows.flatMap((row) => line(row, picked, opened, draw)));
    if (focus) body.querySelector(`[data-focus="${focus}"]`)?.focus();
  }

  const list = loader(async (signal) => {
    const found = [];
    let cursor = "";
    for (let page = 0; page < pages; page += 1) {
      const body = await get(query("/v1/quarantine", { state: state.value, reason: reason.value, limit: PAGE, cursor }), signal);
      found.push(...body.quarantine);
      cursor = body.next;
      if (!cursor) break;
    }
    more.hidden = !cursor;
    const same = JSON.stringify(found) === JSON.stringify(rows);
    rows = found;
    for (const id of picked) if (!rows.some((row) => row.id === id && row.state === "held")) picked.delete(id);
    if (!same || !body.children.length) draw();
  }, EVERY_MS, trouble);
  return list.stop;
}

function line(row, picked, opened, draw) {
  const open = opened.has(row.id);
  const toggle = () => { opened[open ? "delete" : "add"](row.id); draw(); };
  const what = say(`reason.${row.reason}`);
  const from = row.device ?? row.gateway ?? row.topic;
  const box = h("input", {
    type: "checkbox", disabled: row.state !== "held", "aria-label": say("select", `${what}, ${from}`), data: { focus: `pick${row.id}` },
    onchange: (event) => { picked[event.target.checked ? "add" : "delete"](row.id); draw(); },
  });
  box.checked = picked.has(row.id);
  const main = h("tr", { data: { id: row.id } },
    h("td", {}, box),
    h("td.time", {}, when(Date.parse(row.received))),
    h("td", {}, h("button.plain.open", { type: "button", "aria-expanded": String(open), data: { focus: `open${row.id}` }, onclick: toggle }, what), h("p.sub", {}, row.detail)),
    h("td", {}, live.devices.has(row.device) ? h("a", { href: address("device", row.device) }, row.device) : from, row.gateway && row.device ? h("p.sub", {}, row.gateway) : null),
    h("td.number", {}, number(row.readings)),
    h("td", {}, h(`span.mark.${row.state}`, {}, say(`held.${row.state}`)), row.tries ? h("p.sub", {}, `${say("tries")}: ${row.tries}`) : null));
  if (!open) return [main];
  const bytes = Uint8Array.from(atob(row.payload), (sign) => sign.charCodeAt(0));
  const dump = row.text ?? [...bytes.slice(0, 256)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const fact = (key, value) => value && [h("dt", {}, say(key)), h("dd", {}, value)];
  return [main, h("tr.more", {}, h("td"), h("td", { colspan: 5 },
    h("dl", {}, fact("todo", say(advice(row.reason))), fact("detail", row.detail), fact("topic", row.topic), fact("origin", row.origin),
      fact("payload", [h("pre", { tabindex: "0" }, dump), h("p.sub", {}, say("payload.large", number(bytes.length)))]))))];
}
