/** Loads what a view shows, again and again; an older answer never overwrites a newer one. */

import { messageOf } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

/**
 * @param {(signal: AbortSignal) => Promise<void>} load
 * @param {number} everyMs
 * @param {HTMLElement} trouble Where a failure is said.
 * @returns {{now: () => void, stop: () => void}}
 */
export function poller(load, everyMs, trouble) {
  let timer = 0;
  let running = new AbortController();
  let stopped = false;
  async function now() {
    clearTimeout(timer);
    running.abort();
    const mine = new AbortController();
    running = mine;
    const began = performance.now();
    try {
      if (!document.hidden) await load(mine.signal);
      if (!mine.signal.aborted) trouble.replaceChildren();
    } catch (error) {
      if (mine.signal.aborted) return;
      const retry = h("button", { type: "button", onclick: now }, t("retry"));
      trouble.replaceChildren(h("p.trouble", { role: "alert" }, t("failed", messageOf(error)), " ", retry));
    }
    if (!stopped && running === mine) timer = setTimeout(now, everyMs + 3 * (performance.now() - began));
  }
  now();
  return {
    now,
    stop() {
      stopped = true;
      clearTimeout(timer);
      running.abort();
    },
  };
}
