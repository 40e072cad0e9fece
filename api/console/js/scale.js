/** Colours for values: the bands that a board gives a quantity, else five steps over what is there. */

import { colour } from "./dom.js";
import { decimalsOf, isState, measured, quantities } from "./catalog.js";
import { either, number, say } from "./tongue.js";

/** @typedef {{from: number, colour: string, label?: object|string}} Band `from` is inclusive, -Infinity in the first. */

/** @type {Map<string, Band[]>} Kind and quantity to bands: 90 km/h means one thing of a lorry, another of a counting site. */
const bands = new Map();
const RAMP = 5;

/** Give a quantity of a kind its bands, rising. */
export const setBands = (kind, quantity, rising) => bands.set(`${kind} ${quantity}`, rising);

export const bandsOf = (kind, quantity) => bands.get(`${kind} ${quantity}`);

/** The band that a value lies in. */
export const bandOf = (rising, value) => rising.findLast((band) => value >= band.from) ?? rising[0];

/**
 * Make the scale of a quantity over the values that are shown.
 * @param {string} quantity
 * @param {number[]} values
 * @returns {{of: (value: number) => string, steps: {colour: string, text: string}[]}}
 */
export function scaleOf(quantity, values, kind = "") {
  const fixed = bandsOf(kind, quantity);
  if (fixed) return { of: (value) => bandOf(fixed, value).colour, steps: legend(quantity, fixed) };
  if (isState(quantity)) {
    const [off, on] = [colour("ramp-1"), colour("ramp-5")];
    return { of: (value) => (value >= 0.5 ? on : off), steps: [{ colour: on, text: say("yes") }, { colour: off, text: say("no") }] };
  }
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.round((sorted.length - 1) * share)] ?? 0;
  const [low, high] = [at(0.02), at(0.98)];
  const tints = Array.from({ length: RAMP }, (_, n) => colour(`ramp-${n + 1}`));
  if (!(high > low)) return { of: () => tints[2], steps: sorted.length ? [{ colour: tints[2], text: measured(quantity, low) }] : [] };
  const width = nice((high - low) / RAMP);
  const first = Math.floor(low / width) * width;
  const rising = tints.map((tint, n) => ({ from: n ? first + n * width : -Infinity, colour: tint }));
  return { of: (value) => bandOf(rising, value).colour, steps: legend(quantity, rising) };
}

function nice(width) {
  const ten = 10 ** Math.floor(Math.log10(width));
  return [1, 2, 5, 10].map((one) => one * ten).find((one) => one >= width);
}

function legend(quantity, rising) {
  const decimals = Math.max(decimalsOf(quantity), 0);
  const write = (value) => number(value, Math.min(decimals, value % 1 ? decimals : 0));
  const low = quantities.get(quantity)?.low ?? 0;
  return rising.map((band, n) => {
    const upper = rising[n + 1]?.from;
    const lower = Number.isFinite(band.from) ? band.from : null;
    const span = upper === undefined ? `≥ ${write(lower ?? low)}` : lower === null ? `< ${write(upper)}` : `${write(lower)} – ${write(upper)}`;
    return { colour: band.colour, text: band.label ? `${either(band.label)} (${span})` : span };
  });
}
