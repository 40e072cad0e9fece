/** What can be measured, and how a value of it is written: all from /v1/catalog. */

/** @import { Kind, Outcome, Quantity } from "./types.d.ts" */

import { get } from "./api.js";
import { localized, number, t } from "./i18n.js";

/** @type {Map<string, Kind>} */
export const kinds = new Map();
/** @type {Map<string, Quantity>} */
export const quantities = new Map();
/** What becomes of a reading that was received. @type {Outcome[]} */
export const outcomes = [];

const SHORTEST_SILENCE_S = 120;
const MISSED_READINGS = 3;

/** The kind of what the platform measures of itself: no device in the field. */
export const PLATFORM = "platform";

export async function loadCatalog() {
  const catalog = await get("/v1/catalog");
  for (const row of catalog.kinds) kinds.set(row.key, row);
  for (const row of catalog.quantities) quantities.set(row.key, row);
  outcomes.splice(0, outcomes.length, ...catalog.outcomes);
}

/** @param {string} key */
export const kindLabel = (key) => localized(kinds.get(key)?.label, key);
/** @param {string} key */
export const quantityLabel = (key) => localized(quantities.get(key)?.label, key);
/** The unit as people write it; nothing for a state or an unknown quantity. @param {string} key */
export const unitOf = (key) => quantities.get(key)?.symbol ?? "";
/** @param {string} key */
export const decimalsOf = (key) => quantities.get(key)?.decimals ?? 2;
/** Whether its values say no or yes. @param {string} key */
export const isState = (key) => quantities.get(key)?.boolean ?? false;

/** The quantity that stands for a kind: the first of its row. @param {string} kind */
export const headline = (kind) => kinds.get(kind)?.quantities[0] ?? "";

/**
 * Write a value without its unit.
 * @param {string} key
 * @param {number | null | undefined} value
 */
export function formatValue(key, value) {
  if (value === null || value === undefined) return "–";
  if (isState(key)) return t(value >= 0.5 ? "yes" : "no");
  return number(value, decimalsOf(key), true);
}

/**
 * Write a value with its unit.
 * @param {string} key
 * @param {number | null | undefined} value
 */
export function formatWithUnit(key, value) {
  const symbol = unitOf(key);
  const text = formatValue(key, value);
  return symbol && value !== null && value !== undefined ? `${text} ${symbol}` : text;
}

/** Seconds of silence after which a device of a kind is called silent. @param {string} kind */
export const silenceThreshold = (kind) =>
  Math.max(SHORTEST_SILENCE_S, MISSED_READINGS * (kinds.get(kind)?.cadence_s ?? 300));
