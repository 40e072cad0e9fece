/** The time range of a view, the buttons that choose it, and how wide its buckets are. */

/** @import { Range } from "./types.d.ts" */

import { h } from "./dom.js";
import { t, when } from "./i18n.js";
import { route, setQuery } from "./router.js";

const HOUR = 3600;
const LASTS = [HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR];
const WIDEST = 24 * HOUR;
const WIDTHS = [10, 30, 60, 120, 300, 600, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, WIDEST];
const BUCKETS = 360;

/** Read the range of the address. @returns {Range} */
export function rangeNow(otherwise = 6 * HOUR) {
  const { query } = route();
  const from = Number(query.get("from"));
  const to = Number(query.get("to"));
  if (from && to > from) return { start: from, end: to, fixed: true };
  const last = Number(query.get("last")) || otherwise;
  const end = Date.now() / 1000;
  return { start: end - last, end, fixed: false };
}

/** Choose the width of buckets, in seconds; never narrower than the devices speak. @param {Range} range */
export function widthOf(range, cadence = 10) {
  const fit = Math.max((range.end - range.start) / BUCKETS, cadence);
  return WIDTHS.find((width) => width >= fit) ?? WIDEST;
}

/** Write a width as the API wants it. @param {number} s */
export function durationText(s) {
  if (s % 86_400 === 0) return `${s / 86_400}d`;
  if (s % HOUR === 0) return `${s / HOUR}h`;
  return s % 60 === 0 ? `${s / 60}m` : `${s}s`;
}

/**
 * Move the ends to whole buckets: then the same question is asked for a while, and 304 answers it.
 * @param {Range} range
 * @param {number} width
 * @returns {Range}
 */
export function aligned(range, width) {
  return { ...range, start: Math.floor(range.start / width) * width, end: Math.ceil(range.end / width) * width };
}

/** The ends as the API wants them. @param {Range} range */
export const endsOf = (range) => ({
  start: new Date(range.start * 1000).toISOString(),
  end: new Date(range.end * 1000).toISOString(),
});

/**
 * The buttons.
 * @param {() => void} changed Called after a choice.
 * @returns {{bar: HTMLElement, zoom: (from: number, to: number) => void}}
 */
export function rangeBar(changed, otherwise = 6 * HOUR) {
  const bar = h("div.range", { role: "group", "aria-label": t("range") });
  const choose = (/** @type {Record<string, number | null>} */ query) => {
    setQuery(query);
    show();
    changed();
  };
  function show() {
    const range = rangeNow(otherwise);
    const last = Number(route().query.get("last")) || otherwise;
    const buttons = LASTS.map((one) => {
      const pressed = String(!range.fixed && one === last);
      const onclick = () => choose({ last: one, from: null, to: null });
      return h("button", { type: "button", "aria-pressed": pressed, data: { last: one }, onclick }, t(`last.${one}`));
    });
    bar.replaceChildren(...buttons);
    if (!range.fixed) return;
    const onclick = () => choose({ from: null, to: null });
    const ends = `${when(range.start * 1000, "short")} – ${when(range.end * 1000, "short")} ×`;
    bar.append(h("button.zoomed", { type: "button", "aria-pressed": "true", title: t("range.back"), onclick }, ends));
  }
  show();
  return { bar, zoom: (from, to) => choose({ from: Math.floor(from), to: Math.ceil(to) }) };
}
