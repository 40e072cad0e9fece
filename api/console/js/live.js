/** What every device said last, asked again and again; a slow answer makes the next question later. */

import { ApiError, all, get } from "./api.js";
import { kinds } from "./catalog.js";

const EVERY_MS = 2000;
const listeners = new Set();

/**
 * @typedef {{value: number, unit: string|null, time: string, flag: number}} Newest
 * @typedef {{device: string, kind: string, kinds: string[], at: [number, number]|null, values: Object<string, Newest>, time: number}} Device
 */
export const live = {
  /** @type {Map<string, Device>} What each device measures under all its kinds. */
  devices: new Map(),
  /** @type {Device[]} Each device once for each of its kinds. */
  rows: [],
  /** @type {"wait"|"live"|"down"} */
  state: "wait",
  trouble: "",
  ledger: null,
  /** Counts the changes. */
  turn: 0,
};
const before = new WeakMap();

/** Call after each round; returns what stops it. */
export function onLive(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function deviceOf(feature) {
  if (!before.has(feature)) {
    const { device, kind, values } = feature.properties;
    const [lon, lat] = feature.geometry?.coordinates ?? [null, null];
    const time = Object.values(values).reduce((newest, one) => Math.max(newest, Date.parse(one.time)), 0);
    before.set(feature, { device, kind, kinds: [kind], values, time, at: lat === null ? null : [lat, lon] });
  }
  return before.get(feature);
}

/** A truck with probes is a vehicle and cargo: one device, called by the kind that the catalog names first. */
function together(one, other) {
  const known = [...one.kinds, ...other.kinds].sort((a, b) => rank(a) - rank(b));
  const [newer, older] = one.time >= other.time ? [one, other] : [other, one];
  return { ...newer, kind: known[0], kinds: known, values: { ...older.values, ...newer.values }, at: newer.at ?? older.at };
}

const rank = (kind) => [...kinds.keys()].indexOf(kind);

function byDevice(rows) {
  const found = new Map();
  for (const row of rows) found.set(row.device, found.has(row.device) ? together(found.get(row.device), row) : row);
  return found;
}

async function turn() {
  try {
    const [features, ledger] = await Promise.all([all("/v1/latest", "features"), get("/v1/ledger")]);
    live.rows = features.map(deviceOf);
    live.devices = byDevice(live.rows);
    live.ledger = ledger;
    live.state = "live";
    live.turn += 1;
  } catch (error) {
    live.state = "down";
    live.trouble = error instanceof ApiError ? error.message : "";
  }
  for (const listener of listeners) listener();
}

/** Begin, and never end; a hidden page rests. */
export async function follow() {
  for (;;) {
    const began = performance.now();
    if (!document.hidden) await turn();
    const took = performance.now() - began;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, EVERY_MS + 2 * took);
      document.addEventListener("visibilitychange", () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }
}
