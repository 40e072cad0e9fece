/** One device: who it is, what it says now, and how good its history is. */

/** @import { Close, DeviceRow, Range, Series } from "../types.d.ts" */
/** @import { Polyline } from "leaflet" */

import { get } from "../api.js";
import { createMap } from "../basemap.js";
import { formatWithUnit, kindLabel, quantityLabel, unitOf } from "../catalog.js";
import { chart } from "../chart.js";
import { inOrder, lastSeenText, valueList } from "../devicecard.js";
import { colour, h, setText } from "../dom.js";
import { percent, t, when } from "../i18n.js";
import { live, onLive } from "../live.js";
import { Markers, silent } from "../markers.js";
import { poller } from "../poller.js";
import { rangeBar, rangeNow } from "../range.js";
import { route } from "../router.js";
import { bandsOf } from "../scale.js";
import { FAIL, readings } from "../series.js";

const EVERY_MS = 10_000;
const SUSPECT = 3;
const MISSING = 9;
/** Degrees that a device has to leave its first position by before its way is drawn. */
const MOVED_DEGREES = 0.002;

/** Open the view. @param {HTMLElement} root @returns {Close} */
export function deviceView(root) {
  const id = route().id;
  const kindText = h("p.what", {}, t("device"));
  const lastSeen = h("p.last-seen");
  const facts = h("dl.facts");
  const newest = h("section.newest", { "aria-label": t("newest") });
  const charts = h("section.charts", { "aria-label": t("quality") });
  const trouble = h("div");
  const stage = h("div.canvas");
  const mapBox = h("div.stage.small", {}, stage);
  const { bar, zoom } = rangeBar(() => history.now());
  root.append(
    h("header.head", {}, h("div", {}, kindText, h("h1", {}, id), lastSeen), bar),
    trouble,
    h("div.about", {}, h("div", {}, newest, facts), mapBox),
    h("p.hint", {}, `${t("chart.hint")} ${t("chart.strip")} `, flagLegend()),
    charts,
  );
  const map = createMap(stage, { label: t("position"), small: true });
  const markers = new Markers(map, () => {});
  const track = trackOn(map, id);
  /** @type {Map<string, ReturnType<typeof historyPanel>>} */
  const panels = new Map();
  let centred = false;

  function update() {
    const device = live.devices.get(id);
    if (!device) return;
    setText(kindText, device.kinds.map(kindLabel).join(" · "));
    lastSeen.classList.toggle("off", silent(device));
    setText(lastSeen, lastSeenText(device));
    newest.replaceChildren(valueList(device));
    markers.show([device], () => colour("accent"));
    mapBox.hidden = !device.at;
    if (device.at && !centred) {
      centred = true;
      map.invalidateSize();
      map.setView(device.at, 12, { animate: false });
    }
  }

  const history = poller(
    async (signal) => {
      /** @type {DeviceRow} */
      const row = await get(`/v1/devices/${encodeURIComponent(id)}`, signal);
      facts.replaceChildren(...factsOf(row));
      const asked = rangeNow();
      const answer = await readings({ devices: [id], range: asked, kind: row.kind, raw: true }, signal);
      charts.dataset["width"] = String(answer.width ?? "raw");
      const found = new Map(answer.series.map((one) => [`${one.quantity}/${one.kind}`, one]));
      for (const quantity of inOrder([...new Set(answer.series.map((one) => one.quantity))], row.kind)) {
        for (const [name, one] of found) {
          if (one.quantity === quantity && !panels.has(name)) panels.set(name, historyPanel(charts, one, zoom));
        }
      }
      for (const [name, panel] of panels) panel.show(found.get(name) ?? null, answer.range);
      await track.draw(asked, row.kind, signal);
    },
    EVERY_MS,
    trouble,
  );

  update();
  const stop = onLive(update);
  return () => {
    stop();
    history.stop();
    for (const panel of panels.values()) panel.close();
    map.remove();
  };
}

const flagLegend = () => [1, 2, 3, 4, 9].map((flag) => h("span.step", {}, h(`i.f${flag}`), t(`flag.${flag}`)));

/** @param {DeviceRow} row */
function factsOf(row) {
  /** @type {[string, string | null][]} */
  const facts = [
    ["province", row.province],
    ["district", row.district],
    ["owner", row.owner],
    ["gateway", row.gateway ?? t("direct")],
    ["status", t(`status.${row.status}`)],
    ["first.seen", when(Date.parse(row.first_seen), "short")],
  ];
  return facts.flatMap(([key, value]) => (value ? [h("div", {}, h("dt", {}, t(key)), h("dd", {}, value))] : []));
}

/**
 * The chart of one quantity, with what its values amount to.
 * @param {HTMLElement} host
 * @param {Series} first
 * @param {(from: number, to: number) => void} zoom
 */
function historyPanel(host, { quantity, kind }, zoom) {
  const sums = h("p.sums");
  const unit = unitOf(quantity);
  const caption = h("figcaption", {}, h("h2", {}, quantityLabel(quantity)), unit && h("span.unit", {}, unit), sums);
  const box = h("figure.panel", { data: { quantity } }, caption);
  host.append(box);
  const bands = bandsOf(kind, quantity) ?? null;
  const graph = chart(box, { title: quantityLabel(quantity), quantity, height: 170, strip: true, bands, zoom });
  return {
    close: graph.close,
    /** @param {Series | null} series @param {Range} range */
    show(series, range) {
      graph.show(series ? [{ label: quantityLabel(quantity), ...series }] : [], range);
      sums.replaceChildren(...(series ? sumsOf(series) : []));
    },
  };
}

/** @param {Series} series */
function sumsOf({ quantity, points, completeness, worst }) {
  const good = points.filter((point) => point.flag !== FAIL).map((point) => point.v);
  const parts = [];
  if (Number.isFinite(completeness)) parts.push(h("span", {}, t("completeness", percent(Math.min(1, completeness)))));
  if (worst >= SUSPECT && worst < MISSING) parts.push(h(`span.flag.flag${worst}`, {}, t(`flag.${worst}`)));
  if (good.length) {
    parts.push(h("span", {}, `${t("minimum")} ${formatWithUnit(quantity, Math.min(...good))}`));
    parts.push(h("span", {}, `${t("maximum")} ${formatWithUnit(quantity, Math.max(...good))}`));
  }
  return parts;
}

/** The way that a device went. @param {ReturnType<typeof createMap>} map @param {string} id */
function trackOn(map, id) {
  /** @type {Polyline | null} */
  let shown = null;
  let fitted = false;
  return {
    /** @param {Range} range @param {string} kind @param {AbortSignal} signal */
    async draw(range, kind, signal) {
      const wanted = { devices: [id], quantities: ["lat", "lon"], range, kind, aggregate: "last", raw: true };
      const { series } = await readings(wanted, signal);
      const [lat = [], lon = []] = ["lat", "lon"].map(
        (key) => series.find((one) => one.quantity === key)?.points ?? [],
      );
      const lons = new Map(lon.map((point) => [point.t, point.v]));
      const way = lat.flatMap((point) => {
        const east = lons.get(point.t);
        return east === undefined ? [] : [L.latLng(point.v, east)];
      });
      shown?.remove();
      shown = null;
      const [from] = way;
      if (!from || !way.some((at) => Math.hypot(at.lat - from.lat, at.lng - from.lng) > MOVED_DEGREES)) return;
      shown = L.polyline(way, { color: colour("accent"), weight: 3, opacity: 0.7, interactive: false }).addTo(map);
      if (!fitted) map.fitBounds(shown.getBounds().pad(0.15), { animate: false, maxZoom: 14 });
      fitted = true;
    },
  };
}
