/** The one way to the API: ETag and 304, the key, and problems as errors. */

import { askForKey } from "./key.js";

const KEY = "korat-key";
const KEPT = 200;
/** @type {Map<string, {tag: string, body: any}>} */
const known = new Map();

/** An answer that isn't 2xx; `detail` is a sentence for a person. */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail || `HTTP ${status}`);
    this.status = status;
  }
}

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

async function checked(answer) {
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, problem.detail ?? "");
}

/**
 * Ask; what didn't change since the last time comes from memory, as the same object.
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function get(path, signal) {
  const before = known.get(path);
  const answer = await send(path, { signal, headers: before ? { "If-None-Match": before.tag } : {} });
  if (answer.status === 304 && before) return before.body;
  const body = await checked(answer);
  const tag = answer.headers.get("ETag");
  known.delete(path);
  if (tag) known.set(path, { tag, body });
  if (known.size > KEPT) known.delete(known.keys().next().value);
  return body;
}

/**
 * Follow `next` to the end, or as far as `most` pages.
 * @param {string} path
 * @param {string} list Name of the list in each page.
 */
export async function all(path, list, { signal, most = 100 } = {}) {
  const rows = [];
  let cursor = "";
  for (let page = 0; page < most; page += 1) {
    const body = await get(cursor ? `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : path, signal);
    rows.push(...body[list]);
    if (!body.next) break;
    cursor = body.next;
  }
  return rows;
}

/** Send an order. */
export async function post(path, body) {
  return checked(await send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }));
}

/** Write a query; a list repeats its name, what is empty is left out. */
export function query(path, parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") search.append(name, one);
  }
  return search.size ? `${path}?${search}` : path;
}
