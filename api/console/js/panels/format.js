/** How values of a source are written and coloured; the other printer does it in dashboards/value_format.py. */

/** @import { Panel, Row, Source } from "../types.d.ts" */

import { bandsOfSource, isCount, keyOf } from "../boards.js";
import { formatValue, isState, quantities, quantityLabel } from "../catalog.js";
import { ago, localized, number } from "../i18n.js";
import { bandOf } from "../scale.js";

/** What a source is called. @param {Source} source */
export function label(source) {
  if ("label" in source && source.label) return localized(source.label);
  return quantityLabel(keyOf(source));
}

/** The unit behind its values. @param {Source} source */
export function unit(source) {
  if (source.source === "cadence_kept") return "%";
  return isCount(source) ? "" : (quantities.get(keyOf(source))?.symbol ?? "");
}

/** Digits behind the point. @param {Source} source */
export const decimals = (source) => (isCount(source) ? 0 : (quantities.get(keyOf(source))?.decimals ?? 0));

/**
 * Where an axis begins and ends: only shares of a whole have both.
 * @param {Source} source
 * @returns {[number, number] | null}
 */
export function bounds(source) {
  if (source.source === "cadence_kept") return [0, 100];
  const row = isCount(source) ? undefined : quantities.get(keyOf(source));
  return row && row.unit === "%" && row.high === 100 ? [row.low, row.high] : null;
}

/** A value without its unit. @param {Source} source @param {number | null | undefined} value */
export function text(source, value) {
  if (value === undefined || value === null || Number.isNaN(value)) return "–";
  if (source.source === "last_seen") return ago(value);
  if (source.source === "readings" && source.group === "device" && !isCount(source) && isState(source.quantity)) {
    return formatValue(source.quantity, value);
  }
  return number(value, decimals(source), true);
}

/** A value with its unit. @param {Source} source @param {number | null | undefined} value */
export const textWithUnit = (source, value) => `${text(source, value)} ${unit(source)}`.trimEnd();

/** The newest value of a row. @param {Row | undefined} row */
export const newest = (row) => row?.value ?? row?.points?.at(-1)?.v;

/**
 * The colour of a value; `otherwise` where the source has no limits.
 * @param {Panel} panel
 * @param {Source} source
 * @param {number | undefined} value
 */
export function bandColour(panel, source, value, otherwise = "transparent") {
  const bands = bandsOfSource(source, panel);
  return bands.length > 1 && value !== undefined ? bandOf(bands, value).colour : otherwise;
}
