/** The language, and everything whose writing depends on it: words, numbers, times. */

import { WORDS } from "./words.js";

const KEPT = "korat-tongue";
const listeners = new Set();
let tongue = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("th") ? "th" : "en");
let zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const formats = new Map();

export const thai = () => tongue === "th";

/** Call when language or zone changed. */
export const onTongue = (listener) => listeners.add(listener);

export function setTongue(next) {
  tongue = next;
  localStorage.setItem(KEPT, next);
  speak();
  for (const listener of listeners) listener();
}

/** Show times as they are in this IANA zone: a wall shows the city's time, wherever the screen was bought. */
export function setZone(name) {
  zone = name;
  formats.clear();
}

/**
 * Say something of the table; `{0}` and so on stand for what follows.
 * @param {string} key
 */
export function say(key, ...parts) {
  const row = WORDS[key];
  const text = row ? row[thai() ? 1 : 0] : key;
  return parts.length ? text.replace(/\{(\d)\}/g, (_, n) => String(parts[n])) : text;
}

/** Choose from a text in two languages. */
export const either = (text, otherwise = "") => (text ? (typeof text === "string" ? text : (text[tongue] ?? text.en)) : otherwise);

/** Fill what stands in the page already. */
export function speak() {
  document.documentElement.lang = tongue;
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(one.dataset.say);
  for (const one of document.querySelectorAll("[data-say-label]")) one.setAttribute("aria-label", say(one.dataset.sayLabel));
}

function format(key, make) {
  const full = `${tongue} ${key}`;
  if (!formats.has(full)) formats.set(full, make(tongue === "th" ? "th-TH" : "en-GB"));
  return formats.get(full);
}

/** Write a number with at most that many digits behind the point, or exactly so many. */
export function number(value, decimals = 0, exact = false) {
  const written = format(`n${decimals}${exact}`, (locale) => new Intl.NumberFormat(locale, { maximumFractionDigits: decimals, minimumFractionDigits: exact ? decimals : 0 }));
  return written.format(Object.is(Math.round(value * 10 ** decimals), -0) ? 0 : value);
}

export function percent(share, decimals = 0) {
  return format(`p${decimals}`, (locale) => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: decimals })).format(share);
}

const STYLES = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
  date: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  full: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  short: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

/**
 * Write an instant.
 * @param {number} ms
 * @param {keyof STYLES} style
 */
export function when(ms, style = "full") {
  return format(style, (locale) => new Intl.DateTimeFormat(locale, { ...STYLES[style], timeZone: zone })).format(ms);
}

/** The same instant as a date whose local fields are the zone's, for the chart's axis. */
export const zoned = (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone);

/** Write how long ago something was, in its largest unit. */
export function ago(ms, now = Date.now()) {
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 5) return say("ago.now");
  if (s < 90) return say("ago.s", s);
  if (s < 5400) return say("ago.m", Math.round(s / 60));
  if (s < 129_600) return say("ago.h", Math.round(s / 3600));
  return say("ago.d", Math.round(s / 86_400));
}
