/** Colours for values: the bands that a board gives a quantity, else five steps over what is there. */

/** @import { Band } from "./types.d.ts" */

import { decimalsOf, formatWithUnit, isState, quantities } from "./catalog.js";
import { colour } from "./dom.js";
import { localized, number, t } from "./i18n.js";

/**
 * @type {Map<string, Band[]>} Kind and quantity to bands: 90 km/h means one thing of a lorry, another of a counting
 *   site.
 */
const registered = new Map();
const RAMP = 5;

/** Give a quantity of a kind its bands, rising. @param {string} kind @param {string} quantity @param {Band[]} bands */
export const setBands = (kind, quantity, bands) => registered.set(`${kind} ${quantity}`, bands);

/** @param {string} kind @param {string} quantity */
export const bandsOf = (kind, quantity) => registered.get(`${kind} ${quantity}`);

/** The band that a value lies in. @param {Band[]} bands Rising, at least one. @param {number} value */
export const bandOf = (bands, value) =>
  bands.findLast((band) => band.start === null || value >= band.start) ?? /** @type {Band} */ (bands[0]);

/**
 * @typedef {{colour: string, text: string}} Step
 * @typedef {{of: (value: number) => string, steps: Step[]}} Scale
 */

/**
 * Make the scale of a quantity over the values that are shown.
 * @param {string} quantity
 * @param {number[]} values
 * @returns {Scale}
 */
export function scaleOf(quantity, values, kind = "") {
  const bands = bandsOf(kind, quantity);
  if (bands) return { of: (value) => bandOf(bands, value).colour, steps: legend(quantity, bands) };
  return isState(quantity) ? stateScale() : ramp(quantity, values);
}

/** @returns {Scale} */
function stateScale() {
  const [off, on] = [colour("ramp-1"), colour("ramp-5")];
  return {
    of: (value) => (value >= 0.5 ? on : off),
    steps: [
      { colour: on, text: t("yes") },
      { colour: off, text: t("no") },
    ],
  };
}

/** @param {string} quantity @param {number[]} values @returns {Scale} */
function ramp(quantity, values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.round((sorted.length - 1) * share)] ?? 0;
  const [low, high] = [at(0.02), at(0.98)];
  if (!(high > low)) {
    const tint = colour("ramp-3");
    return { of: () => tint, steps: sorted.length ? [{ colour: tint, text: formatWithUnit(quantity, low) }] : [] };
  }
  const width = nice((high - low) / RAMP);
  const first = Math.floor(low / width) * width;
  const bands = Array.from({ length: RAMP }, (_, n) => ({
    start: n ? first + n * width : null,
    colour: colour(`ramp-${n + 1}`),
  }));
  return { of: (value) => bandOf(bands, value).colour, steps: legend(quantity, bands) };
}

/** The round number that isn't less. @param {number} width */
function nice(width) {
  const ten = 10 ** Math.floor(Math.log10(width));
  return [1, 2, 5].map((one) => one * ten).find((one) => one >= width) ?? 10 * ten;
}

/** @param {string} quantity @param {Band[]} bands @returns {Step[]} */
function legend(quantity, bands) {
  const decimals = Math.max(decimalsOf(quantity), 0);
  const write = (/** @type {number} */ value) => number(value, Math.min(decimals, value % 1 ? decimals : 0));
  const lowest = quantities.get(quantity)?.low ?? 0;
  return bands.map(({ start, colour, means }, n) => {
    const end = bands[n + 1]?.start ?? null;
    let span = `${write(start ?? lowest)} – ${write(end ?? 0)}`;
    if (end === null) span = `≥ ${write(start ?? lowest)}`;
    else if (start === null) span = `< ${write(end)}`;
    return { colour, text: means ? `${localized(means)} (${span})` : span };
  });
}
