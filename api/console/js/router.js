/** Which view is open: the address behind `#`, so that every view can be linked and Back works. */

/** @typedef {{name: string, id: string, query: URLSearchParams}} Route */

/** Read the present address. @returns {Route} */
export function route() {
  const [path = "", search = ""] = location.hash.slice(1).split("?");
  const [name = "map", ...rest] = path.split("/").filter(Boolean);
  return { name, id: decoded(rest.join("/")), query: new URLSearchParams(search) };
}

/** Read what was percent-encoded; what is none stands as it came. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Write an address. @param {string} name @param {Record<string, string>} [query] */
export function href(name, id = "", query = {}) {
  const search = new URLSearchParams(query).toString();
  return `#/${name}${id ? `/${encodeURIComponent(id)}` : ""}${search ? `?${search}` : ""}`;
}

/** Change the query of the present view, without a new view. @param {Record<string, string | number | null>} changes */
export function setQuery(changes) {
  const { name, id, query } = route();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(key);
    else query.set(key, String(value));
  }
  history.replaceState(null, "", href(name, id, Object.fromEntries(query)));
}
