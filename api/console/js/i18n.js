/** The language, and everything whose writing depends on it: messages, numbers, times. */

/** @import { Text } from "./types.d.ts" */

import { MESSAGES } from "./messages.js";

const LANGUAGE = "korat-language";
/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {"en" | "th"} */
let language = initialLanguage();
let zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** @type {Map<string, Intl.NumberFormat | Intl.DateTimeFormat>} */
const formats = new Map();

function initialLanguage() {
  const chosen = localStorage.getItem(LANGUAGE) ?? navigator.language;
  return chosen.startsWith("th") ? "th" : "en";
}

export const isThai = () => language === "th";

/** Call when the language changed. @param {() => void} listener */
export const onLanguage = (listener) => listeners.add(listener);

/** @param {"en" | "th"} next */
export function setLanguage(next) {
  language = next;
  localStorage.setItem(LANGUAGE, next);
  translatePage();
  for (const listener of listeners) listener();
}

/**
 * Show times as they are in this IANA zone: a wall shows the city's time, wherever the screen was bought.
 * @param {string} name
 */
export function setZone(name) {
  zone = name;
  formats.clear();
}

/**
 * Give a message in the present language; `{0}` and so on stand for what follows.
 * @param {string} key
 * @param {...(string | number)} parts
 */
export function t(key, ...parts) {
  const text = MESSAGES[key]?.[isThai() ? 1 : 0] ?? key;
  return parts.length ? text.replace(/\{(\d)\}/g, (_, n) => String(parts[n])) : text;
}

/** Choose from a text in two languages. @param {Text | null | undefined} text */
export const localized = (text, otherwise = "") => text?.[language] ?? otherwise;

/** Fill what stands in the page already. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.getAttribute("data-t") ?? "");
  for (const one of document.querySelectorAll("[data-t-label]")) {
    one.setAttribute("aria-label", t(one.getAttribute("data-t-label") ?? ""));
  }
}

/**
 * @template {Intl.NumberFormat | Intl.DateTimeFormat} F
 * @param {string} key
 * @param {(locale: string) => F} make
 * @returns {F}
 */
function cachedFormat(key, make) {
  const full = `${language} ${key}`;
  const made = formats.get(full) ?? make(isThai() ? "th-TH" : "en-GB");
  formats.set(full, made);
  return /** @type {F} */ (made);
}

/** Write a number with at most that many digits behind the point, or exactly so many. @param {number} value */
export function number(value, decimals = 0, exact = false) {
  const options = { maximumFractionDigits: decimals, minimumFractionDigits: exact ? decimals : 0 };
  const format = cachedFormat(`n${decimals}${exact}`, (locale) => new Intl.NumberFormat(locale, options));
  return format.format(Object.is(Math.round(value * 10 ** decimals), -0) ? 0 : value);
}

/** @param {number} share */
export function percent(share, decimals = 0) {
  const options = /** @type {const} */ ({ style: "percent", maximumFractionDigits: decimals });
  return cachedFormat(`p${decimals}`, (locale) => new Intl.NumberFormat(locale, options)).format(share);
}

/** @typedef {"minute" | "day" | "date" | "full" | "short"} TimeStyle */

/** @type {Record<TimeStyle, Intl.DateTimeFormatOptions>} */
const STYLES = {
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
  date: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  full: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  short: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

/**
 * Write an instant.
 * @param {number} ms
 * @param {TimeStyle} [style]
 */
export function when(ms, style = "full") {
  const options = { ...STYLES[style], timeZone: zone };
  return cachedFormat(style, (locale) => new Intl.DateTimeFormat(locale, options)).format(ms);
}

/** The same instant as a date whose local fields are the zone's, for the chart's axis. @param {number} seconds */
export const zoned = (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone);

/** Write how long ago something was, in its largest unit. @param {number} ms */
export function ago(ms, now = Date.now()) {
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 5) return t("ago.now");
  if (s < 90) return t("ago.s", s);
  if (s < 5400) return t("ago.m", Math.round(s / 60));
  if (s < 129_600) return t("ago.h", Math.round(s / 3600));
  return t("ago.d", Math.round(s / 86_400));
}
