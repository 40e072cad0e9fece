/** What can be measured, and how a value of it is written. */

import { get } from "./api.js";
import { either, number, say } from "./tongue.js";

export const kinds = new Map();
export const quantities = new Map();

const UNITS = {
  "ug/m3": "µg/m³", Cel: "°C", deg: "°", "m/s2": "m/s²", "W/m2": "W/m²", "m3/s": "m³/s", 1: "", "[ppb]": "ppb",
  "[ppm]": "ppm", "dB[SPL]": "dB", "dB[mW]": "dBm",
};
const STATES = new Set([
  "lamp_on", "switch_on", "charging", "ignition", "door_open", "occupied", "movement", "position_fix", "water_leak",
]);

/** The kind of what the platform measures of itself: no device in the field. */
export const PLATFORM = "platform";

export async function loadCatalog() {
  const catalog = await get("/v1/catalog");
  for (const row of catalog.kinds) kinds.set(row.key, row);
  for (const row of catalog.quantities) quantities.set(row.key, row);
}

export const kindLabel = (key) => either(kinds.get(key)?.label, key);
export const quantityLabel = (key) => either(quantities.get(key)?.label, key);
export const unitOf = (key) => unit(quantities.get(key)?.unit);
export const unit = (code) => UNITS[code] ?? code ?? "";
export const decimalsOf = (key) => quantities.get(key)?.decimals ?? 2;
export const isState = (key) => STATES.has(key);

/** The quantity that stands for a kind: the first of its row. */
export const headline = (kind) => kinds.get(kind)?.quantities[0] ?? "";

/** Write a value without its unit. */
export function spelled(key, value) {
  if (value === null || value === undefined) return "–";
  if (isState(key)) return say(value >= 0.5 ? "yes" : "no");
  return number(value, decimalsOf(key), true);
}

/** Write a value with its unit. */
export function measured(key, value) {
  const of = isState(key) ? "" : unitOf(key);
  return of && value !== null && value !== undefined ? `${spelled(key, value)} ${of}` : spelled(key, value);
}

/** Seconds of silence after which a device of a kind is called silent. */
export const patience = (kind) => Math.max(120, 3 * (kinds.get(kind)?.cadence_s ?? 300));
