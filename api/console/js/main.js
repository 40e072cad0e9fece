/** Starts the console: what it must know, then the shell, then the view that the address names. */

import { get } from "./api.js";
import { boards, learnColours, loadBoards, streamOf } from "./boards.js";
import { loadCatalog } from "./catalog.js";
import { byId, h, put } from "./dom.js";
import { land } from "./ground.js";
import { follow, live, onLive } from "./live.js";
import { address, place } from "./router.js";
import { either, number, onTongue, say, setTongue, setZone, speak, thai, when } from "./tongue.js";
import { boardView } from "./views/board.js";
import { deviceView } from "./views/device.js";
import { devicesView } from "./views/devices.js";
import { ledgerView } from "./views/ledger.js";
import { mapView } from "./views/map.js";
import { quarantineView } from "./views/quarantine.js";

const VIEWS = { map: mapView, board: boardView, device: deviceView, devices: devicesView, ledger: ledgerView, quarantine: quarantineView };
const THEMES = ["auto", "light", "dark"];
let close = () => {};
let shown = "";

function open() {
  const { name, id } = place();
  document.body.classList.remove("menu");
  byId("menu").setAttribute("aria-expanded", "false");
  close();
  const view = byId("view");
  view.className = `view-${name}`;
  view.replaceChildren();
  close = (VIEWS[name] ?? mapView)(view) ?? (() => {});
  document.title = `${view.querySelector("h1")?.textContent ?? ""} · ${say("brand")}`;
  if (shown && shown !== `${name}/${id}`) {
    view.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  shown = `${name}/${id}`;
  navigation();
}

function navigation() {
  const here = place();
  const link = (name, id, text, badge = null) =>
    h("li", {}, h("a", { href: address(name, id), "aria-current": here.name === name && (here.id === id || name === "map") ? "page" : null }, h("span", {}, text), badge));
  const group = (title, ...links) => links.flat().length ? h("section", {}, h("h2", {}, say(title)), h("ul", {}, ...links)) : null;
  const of = (stream) => boards.list.filter((board) => !board.own && board !== boards.list[0] && streamOf(board) === stream).map((board) => link("board", board.key, either(board.title)));
  const held = h("b.badge", { id: "held", hidden: true });
  byId("nav").replaceChildren(...[
    group("nav.now", link("map", "", say("map")), boards.list.slice(0, 1).map((board) => link("board", board.key, either(board.title)))),
    group("nav.smart_city", of("smart_city")),
    group("nav.logistic_hub", of("logistic_hub")),
    group("nav.operation", of(""), link("devices", "", say("devices")), link("quarantine", "", say("quarantine"), held), link("ledger", "", say("ledger"))),
  ].filter(Boolean));
  status();
}

function status() {
  const state = byId("state");
  put(state, `${say(`state.${live.state}`)}${live.trouble && live.state === "down" ? ` (${live.trouble})` : ""}`);
  state.dataset.state = live.state;
  const held = byId("held");
  if (held && live.ledger) {
    held.hidden = !live.ledger.quarantined;
    put(held, number(live.ledger.quarantined));
  }
}

function clock() {
  const now = Date.now();
  byId("clock").replaceChildren(h("b", {}, when(now, "minute")), h("span", {}, when(now, "date")));
}

function furniture() {
  speak();
  put(byId("tongue"), thai() ? "English" : "ไทย");
  byId("tongue").lang = thai() ? "en" : "th";
  const theme = localStorage.getItem("korat-theme") ?? "auto";
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  put(byId("theme"), `${say("theme")}: ${say(`theme.${theme}`)}`);
  put(byId("province"), either(land.places?.name));
  clock();
}

function nextTheme() {
  const now = localStorage.getItem("korat-theme") ?? "auto";
  localStorage.setItem("korat-theme", THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
  furniture();
  open();
}

async function loadLand() {
  const [tiles, first] = await Promise.all([get("/console/tiles.json"), get("/v1/devices?limit=1")]);
  land.tiles = tiles;
  const code = first.devices[0]?.province ?? "th-30";
  const answer = await fetch(`/console/places/${code}.json`);
  if (answer.ok) land.places = await answer.json();
  if (land.places) setZone(land.places.zone);
}

async function start() {
  furniture();
  byId("tongue").addEventListener("click", () => setTongue(thai() ? "en" : "th"));
  byId("theme").addEventListener("click", nextTheme);
  byId("menu").addEventListener("click", () => byId("menu").setAttribute("aria-expanded", String(document.body.classList.toggle("menu"))));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { furniture(); open(); });
  onTongue(() => { furniture(); open(); });
  onLive(status);
  setInterval(clock, 1000);
  follow();
  for (;;) {
    try {
      await Promise.all([loadCatalog(), loadLand(), loadBoards()]);
      learnColours();
      break;
    } catch {
      live.state = "down";
      status();
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  addEventListener("hashchange", open);
  furniture();
  open();
}

start();
