/** Starts the console: what it must know, then the shell, then the view that the address names. */

/** @import { Board, Close, DeviceRow } from "./types.d.ts" */

import { get } from "./api.js";
import { basemap } from "./basemap.js";
import { boards, isDeviceBoard, loadBoards, registerBands, workstreamOf } from "./boards.js";
import { loadCatalog } from "./catalog.js";
import { byId, h, setText } from "./dom.js";
import { isThai, localized, number, onLanguage, setLanguage, setZone, t, translatePage, when } from "./i18n.js";
import { follow, live, onLive } from "./live.js";
import { href, route } from "./router.js";
import { boardView } from "./views/board.js";
import { deviceView } from "./views/device.js";
import { devicesView } from "./views/devices.js";
import { ledgerView } from "./views/ledger.js";
import { mapView } from "./views/map.js";
import { quarantineView } from "./views/quarantine.js";

/** @type {Record<string, (root: HTMLElement) => Close>} */
const VIEWS = {
  map: mapView,
  board: boardView,
  device: deviceView,
  devices: devicesView,
  ledger: ledgerView,
  quarantine: quarantineView,
};
const THEME = "korat-theme";
const THEMES = ["auto", "light", "dark"];
const DEFAULT_PROVINCE = "th-30";
const RETRY_MS = 2000;
/** @type {Close} */
let close = () => {};
let shown = "";

function open() {
  const { name, id } = route();
  document.body.classList.remove("menu");
  byId("menu").setAttribute("aria-expanded", "false");
  close();
  const view = byId("view");
  view.className = `view-${name}`;
  view.replaceChildren();
  close = (VIEWS[name] ?? mapView)(view);
  document.title = `${view.querySelector("h1")?.textContent ?? ""} · ${t("brand")}`;
  if (shown && shown !== `${name}/${id}`) {
    view.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  shown = `${name}/${id}`;
  navigation();
}

/** @param {string} name @param {string} id @param {string} text @param {HTMLElement} [badge] */
function link(name, id, text, badge) {
  const here = route();
  const current = here.name === name && (here.id === id || name === "map") ? "page" : null;
  return h("li", {}, h("a", { href: href(name, id), "aria-current": current }, h("span", {}, text), badge));
}

/** @param {Board} board */
const boardLink = (board) => link("board", board.key, localized(board.title));

/** @param {string} title @param {HTMLElement[]} links */
const group = (title, links) => (links.length ? [h("section", {}, h("h2", {}, t(title)), h("ul", {}, links))] : []);

function navigation() {
  const [first, ...others] = boards.boards;
  const linksOf = (/** @type {string} */ stream) =>
    others.filter((board) => !isDeviceBoard(board) && workstreamOf(board) === stream).map(boardLink);
  const operation = [
    link("devices", "", t("devices")),
    link("quarantine", "", t("quarantine"), h("b.badge", { id: "held", hidden: true })),
    link("ledger", "", t("ledger")),
  ];
  byId("nav").replaceChildren(
    ...group("nav.now", [link("map", "", t("map")), ...(first ? [boardLink(first)] : [])]),
    ...group("nav.smart_city", linksOf("smart_city")),
    ...group("nav.logistic_hub", linksOf("logistic_hub")),
    ...group("nav.operation", [...linksOf(""), ...operation]),
  );
  status();
}

function status() {
  const state = byId("state");
  const trouble = live.trouble && live.state === "down" ? ` (${live.trouble})` : "";
  setText(state, `${t(`state.${live.state}`)}${trouble}`);
  state.dataset["state"] = live.state;
  const held = document.getElementById("held");
  if (held && live.ledger) {
    held.hidden = !live.ledger.quarantined;
    setText(held, number(live.ledger.quarantined));
  }
}

function clock() {
  const now = Date.now();
  byId("clock").replaceChildren(h("b", {}, when(now, "minute")), h("span", {}, when(now, "date")));
}

function shell() {
  translatePage();
  setText(byId("language"), isThai() ? "English" : "ไทย");
  byId("language").lang = isThai() ? "en" : "th";
  const theme = localStorage.getItem(THEME) ?? "auto";
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  setText(byId("theme"), `${t("theme")}: ${t(`theme.${theme}`)}`);
  setText(byId("province"), localized(basemap.features?.name));
  clock();
}

function redraw() {
  shell();
  open();
}

function nextTheme() {
  const now = localStorage.getItem(THEME) ?? "auto";
  localStorage.setItem(THEME, THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "auto");
  redraw();
}

function toggleMenu() {
  byId("menu").setAttribute("aria-expanded", String(document.body.classList.toggle("menu")));
}

async function loadBasemap() {
  const [tiles, page] = await Promise.all([get("/console/tiles.json"), get("/v1/devices?limit=1")]);
  /** @type {DeviceRow | undefined} */
  const first = page.devices[0];
  basemap.tiles = tiles;
  const answer = await fetch(`/console/basemaps/${first?.province ?? DEFAULT_PROVINCE}.json`);
  if (answer.ok) basemap.features = await answer.json();
  if (basemap.features) setZone(basemap.features.zone);
}

async function load() {
  for (;;) {
    try {
      await Promise.all([loadCatalog(), loadBasemap(), loadBoards()]);
      return;
    } catch {
      live.state = "down";
      status();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function start() {
  shell();
  byId("language").addEventListener("click", () => setLanguage(isThai() ? "en" : "th"));
  byId("theme").addEventListener("click", nextTheme);
  byId("menu").addEventListener("click", toggleMenu);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  onLanguage(redraw);
  onLive(status);
  setInterval(clock, 1000);
  follow();
  await load();
  registerBands();
  addEventListener("hashchange", open);
  redraw();
}

start();
