/** The one way to the API: ETag and 304, the key, and problems as errors. */

import { askForKey } from "./api_key_dialog.js";

const KEY = "korat-key";
const MAX_CACHED = 200;
const MAX_PAGES = 100;
/** @type {Map<string, {tag: string, body: any}>} */
const cache = new Map();

/** An answer that isn't 2xx; `detail` is a sentence for a person. */
export class ApiError extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail || `HTTP ${status}`);
    this.status = status;
  }
}

/** The sentence of whatever was thrown. @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {string} path @param {RequestInit} [options] */
async function send(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    const answer = await fetch(path, { cache: "no-store", ...options, headers });
    if (answer.status !== 401) return answer;
    if (sessionStorage.getItem(KEY) === key) {
      sessionStorage.removeItem(KEY);
      sessionStorage.setItem(KEY, await askForKey(Boolean(key)));
    }
  }
}

/** @param {Response} answer */
async function checked(answer) {
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, problem.detail ?? "");
}

/**
 * Ask; what didn't change since the last time comes from memory, as the same object.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} Shaped as the caller's annotation says; the API's own tests hold the shapes.
 */
export async function get(path, signal) {
  const cached = cache.get(path);
  /** @type {Record<string, string>} */
  const headers = cached ? { "If-None-Match": cached.tag } : {};
  const answer = await send(path, { signal: signal ?? null, headers });
  if (answer.status === 304 && cached) return cached.body;
  const body = await checked(answer);
  const tag = answer.headers.get("ETag");
  cache.delete(path);
  if (tag) cache.set(path, { tag, body });
  for (const oldest of cache.keys()) if (cache.size > MAX_CACHED) cache.delete(oldest);
  return body;
}

/**
 * Follow `next` to the end, or as far as `maxPages` pages.
 * @param {string} path
 * @param {string} list Name of the list in each page.
 * @param {{signal?: AbortSignal, maxPages?: number}} [options]
 * @returns {Promise<any[]>}
 */
export async function all(path, list, { signal, maxPages = MAX_PAGES } = {}) {
  const rows = [];
  let cursor = "";
  for (let page = 0; page < maxPages; page += 1) {
    const separator = path.includes("?") ? "&" : "?";
    const body = await get(cursor ? `${path}${separator}cursor=${encodeURIComponent(cursor)}` : path, signal);
    rows.push(...body[list]);
    if (!body.next) break;
    cursor = body.next;
  }
  return rows;
}

/** Send an order. @param {string} path @param {object} body @returns {Promise<any>} */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return checked(await send(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

/**
 * Write a query; a list repeats its name, what is empty is left out.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined | string[]>} parameters
 */
export function query(path, parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined && one !== "") search.append(name, String(one));
    }
  }
  return search.size ? `${path}?${search}` : path;
}
