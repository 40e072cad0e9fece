/** The newest values of every device, polled; a slow answer makes the next question later. */

/** @import { Device, Feature, Sums } from "./types.d.ts" */

import { ApiError, all, get } from "./api.js";
import { kinds } from "./catalog.js";

const EVERY_MS = 2000;
/** @type {Set<() => void>} */
const listeners = new Set();

export const live = {
  /** What each device measures under all its kinds. @type {Map<string, Device>} */
  devices: new Map(),
  /** Each device once for each of its kinds. @type {Device[]} */
  rows: [],
  /** @type {"wait" | "live" | "down"} */
  state: "wait",
  trouble: "",
  /** @type {Sums | null} */
  ledger: null,
  /** Counts the changes. */
  rounds: 0,
};
/** @type {WeakMap<Feature, Device>} */
const known = new WeakMap();

/** Call after each round; returns what stops it. @param {() => void} listener */
export function onLive(listener) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** @param {Feature} feature @returns {Device} */
function deviceOf(feature) {
  const before = known.get(feature);
  if (before) return before;
  const { device, kind, values } = feature.properties;
  const time = Object.values(values).reduce((newest, one) => Math.max(newest, Date.parse(one.time)), 0);
  const [lon, lat] = feature.geometry?.coordinates ?? [];
  const made = /** @type {Device} */ ({
    device,
    kind,
    kinds: [kind],
    values,
    time,
    at: lat === undefined || lon === undefined ? null : [lat, lon],
  });
  known.set(feature, made);
  return made;
}

/**
 * A truck with probes is a vehicle and cargo: one device, called by the kind that the catalog names first.
 * @param {Device} one
 * @param {Device} other
 * @returns {Device}
 */
function together(one, other) {
  const all = [...one.kinds, ...other.kinds].sort((a, b) => rank(a) - rank(b));
  const [newer, older] = one.time >= other.time ? [one, other] : [other, one];
  const values = { ...older.values, ...newer.values };
  return { ...newer, kind: all[0] ?? newer.kind, kinds: all, values, at: newer.at ?? older.at };
}

/** @param {string} kind */
const rank = (kind) => [...kinds.keys()].indexOf(kind);

/** @param {Device[]} rows */
function byDevice(rows) {
  /** @type {Map<string, Device>} */
  const found = new Map();
  for (const row of rows) {
    const before = found.get(row.device);
    found.set(row.device, before ? together(before, row) : row);
  }
  return found;
}

async function poll() {
  try {
    const [features, ledger] = await Promise.all([all("/v1/latest", "features"), get("/v1/ledger")]);
    live.rows = features.map(deviceOf);
    live.devices = byDevice(live.rows);
    live.ledger = ledger;
    live.state = "live";
    live.rounds += 1;
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
    if (!document.hidden) await poll();
    const took = performance.now() - began;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, EVERY_MS + 2 * took);
      const wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      document.addEventListener("visibilitychange", wake, { once: true });
    });
  }
}
