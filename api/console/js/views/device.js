/** One device: who it is, what it says now, and how good its history is. */

import { get } from "../api.js";
import { isState, kindLabel, kinds, measured, quantityLabel, unitOf } from "../catalog.js";
import { chart } from "../chart.js";
import { valueList } from "../devicecard.js";
import { colour, h, put } from "../dom.js";
import { makeMap } from "../ground.js";
import { live, onLive } from "../live.js";
import { loader } from "../loader.js";
import { Pins, silent } from "../pins.js";
import { rangeBar, rangeNow } from "../range.js";
import { place } from "../router.js";
import { bandsOf } from "../scale.js";
import { readings } from "../series.js";
import { ago, percent, say, when } from "../tongue.js";

const EVERY_MS = 10_000;

/** Open the view. */
export function deviceView(root) {
  const id = place().id;
  const heard = h("p.heard");
  const facts = h("dl.facts");
  const newest = h("section.newest", { "aria-label": say("newest") });
  const charts = h("section.charts", { "aria-label": say("quality") });
  const trouble = h("div");
  const stage = h("div.canvas");
  const what = h("p.what", {}, say("device"));
  const bar = rangeBar(() => history.now());
  root.append(
    h("header.head", {}, h("div", {}, what, h("h1", {}, id), heard), bar),
    trouble,
    h("div.about", {}, h("div", {}, newest, facts), h("div.stage.small", {}, stage)),
    h("p.hint", {}, `${say("chart.hint")} ${say("chart.strip")} `, [1, 2, 3, 4].map((flag) => h("span.step", {}, h(`i.f${flag}`), say(`flag.${flag}`))), h("span.step", {}, h("i.f9"), say("flag.9"))),
    charts,
  );
  const map = makeMap(stage, { label: say("position"), small: true });
  const pins = new Pins(map, () => {});
  const drawn = new Map();
  const nameOf = (one) => `${one.quantity}/${one.kind}`;
  const closers = [];
  let fitted = false;
  let track = null;
  let followed = false;

  function update() {
    const device = live.devices.get(id);
    if (!device) return;
    put(what, device.kinds.map(kindLabel).join(" · "));
    heard.classList.toggle("off", silent(device));
    put(heard, `${silent(device) ? `${say("map.silent")} · ` : ""}${ago(device.time)}`);
    newest.replaceChildren(valueList(device, kinds.get(device.kind)?.quantities));
    pins.show([device], () => colour("accent"));
    stage.parentElement.hidden = !device.at;
    if (device.at && !fitted) {
      fitted = true;
      map.invalidateSize();
      map.setView(device.at, 12, { animate: false });
    }
  }

  async function about(signal) {
    const row = await get(`/v1/devices/${encodeURIComponent(id)}`, signal);
    const fact = (key, value) => value && h("div", {}, h("dt", {}, say(key)), h("dd", {}, value));
    facts.replaceChildren(...[
      fact("province", row.province), fact("district", row.district), fact("owner", row.owner),
      fact("gateway", row.gateway ?? say("direct")), fact("status", say(`status.${row.status}`)),
      fact("first.seen", when(Date.parse(row.first_seen), "short")),
    ].filter(Boolean));
    return row;
  }

  const history = loader(async (signal) => {
    const row = await about(signal);
    const asked = rangeNow();
    const { series, range, width } = await readings({ devices: [id], range: asked, kind: row.kind, raw: true }, signal);
    charts.dataset.width = width ?? "raw";
    const order = kinds.get(row.kind)?.quantities ?? [];
    const rank = (key) => (order.includes(key) ? order.indexOf(key) : order.length);
    for (const one of series.sort((a, b) => rank(a.quantity) - rank(b.quantity))) {
      if (!drawn.has(nameOf(one))) drawn.set(nameOf(one), panel(one.kind, one.quantity));
      drawn.get(nameOf(one))(one, range);
    }
    for (const [name, draw] of drawn) if (!series.some((one) => nameOf(one) === name)) draw(null, range);
    await drawTrack(asked, row.kind, signal);
  }, EVERY_MS, trouble);

  async function drawTrack(range, kind, signal) {
    const { series } = await readings({ devices: [id], quantities: ["lat", "lon"], range, kind, aggregate: "last", raw: true }, signal);
    const [lat, lon] = ["lat", "lon"].map((key) => new Map(series.find((one) => one.quantity === key)?.points.map((point) => [point.t, point.v])));
    const line = [...lat].filter(([t]) => lon.has(t)).map(([t, v]) => [v, lon.get(t)]);
    track?.remove();
    const moved = line.some(([a, b]) => Math.hypot(a - line[0][0], b - line[0][1]) > 0.002);
    track = moved ? L.polyline(line, { color: colour("accent"), weight: 3, opacity: 0.7, interactive: false }).addTo(map) : null;
    if (track && !followed) map.fitBounds(track.getBounds().pad(0.15), { animate: false, maxZoom: 14 });
    followed ||= moved;
  }

  function panel(kind, quantity) {
    const sums = h("p.sums");
    const box = h("figure.panel", { data: { quantity } }, h("figcaption", {}, h("h2", {}, quantityLabel(quantity)), isState(quantity) ? null : h("span.unit", {}, unitOf(quantity)), sums));
    charts.append(box);
    const graph = chart(box, { title: quantityLabel(quantity), quantity, height: 170, strip: true, bands: bandsOf(kind, quantity), zoom: bar.zoom });
    closers.push(graph.close);
    return (one, range) => {
      graph.show(one ? [{ label: quantityLabel(quantity), ...one }] : [], range);
      const good = one?.points.filter((point) => point.flag !== 4).map((point) => point.v) ?? [];
      sums.replaceChildren(
        one && Number.isFinite(one.completeness) ? h("span", {}, say("completeness", percent(Math.min(1, one.completeness)))) : "",
        one && one.worst >= 3 && one.worst < 9 ? h(`span.flag.flag${one.worst}`, {}, say(`flag.${one.worst}`)) : "",
        good.length ? h("span", {}, `${say("minimum")} ${measured(quantity, Math.min(...good))}`) : "",
        good.length ? h("span", {}, `${say("maximum")} ${measured(quantity, Math.max(...good))}`) : "",
      );
    };
  }

  update();
  const stop = onLive(update);
  return () => {
    stop();
    history.stop();
    closers.forEach((end) => end());
    map.remove();
  };
}
