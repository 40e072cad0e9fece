/** The time range of a view, the buttons that choose it, and how wide its buckets are. */

import { h } from "./dom.js";
import { ask, place } from "./router.js";
import { say, when } from "./tongue.js";

const HOUR = 3600;
const LASTS = [HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR];
const WIDTHS = [10, 30, 60, 120, 300, 600, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR];
const BUCKETS = 360;

/** @typedef {{start: number, end: number, fixed: boolean}} Range Seconds since 1970; not fixed: it ends now. */

/** Read the range of the address. @returns {Range} */
export function rangeNow(otherwise = 6 * HOUR) {
  const { asked } = place();
  const from = Number(asked.get("from"));
  const to = Number(asked.get("to"));
  if (from && to > from) return { start: from, end: to, fixed: true };
  const last = Number(asked.get("last")) || otherwise;
  const end = Date.now() / 1000;
  return { start: end - last, end, fixed: false };
}

/** Choose the width of buckets, in seconds; never narrower than the devices speak. */
export function widthOf(range, cadence = 10) {
  const fit = Math.max((range.end - range.start) / BUCKETS, cadence);
  return WIDTHS.find((width) => width >= fit) ?? WIDTHS.at(-1);
}

/** Write a width as the API wants it. */
export const spelledWidth = (s) => (s % 86_400 === 0 ? `${s / 86_400}d` : s % 3600 === 0 ? `${s / 3600}h` : s % 60 === 0 ? `${s / 60}m` : `${s}s`);

/** Move the ends to whole buckets: then the same question is asked for a while, and 304 answers it. */
export function aligned(range, width) {
  return { ...range, start: Math.floor(range.start / width) * width, end: Math.ceil(range.end / width) * width };
}

/**
 * The buttons.
 * @param {() => void} changed Called after a choice.
 */
export function rangeBar(changed, otherwise = 6 * HOUR) {
  const bar = h("div.range", { role: "group", "aria-label": say("range") });
  const choose = (asked) => {
    ask(asked);
    show();
    changed();
  };
  function show() {
    const range = rangeNow(otherwise);
    const last = Number(place().asked.get("last")) || otherwise;
    bar.replaceChildren(
      ...LASTS.map((one) =>
        h("button", {
          type: "button",
          "aria-pressed": String(!range.fixed && one === last),
          data: { last: one },
          onclick: () => choose({ last: one, from: null, to: null }),
        }, say(`last.${one}`))),
      range.fixed && h("button.zoomed", { type: "button", "aria-pressed": "true", title: say("range.back"), onclick: () => choose({ from: null, to: null }) },
        `${when(range.start * 1000, "short")} – ${when(range.end * 1000, "short")} ×`) || "",
    );
  }
  show();
  bar.zoom = (from, to) => choose({ from: Math.floor(from), to: Math.ceil(to) });
  return bar;
}
