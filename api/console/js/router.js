/** Which view is open: the address behind `#`, so that every view can be linked and Back works. */

/** @typedef {{name: string, id: string, asked: URLSearchParams}} Place */

/** @returns {Place} */
export function place() {
  const [path, search = ""] = location.hash.slice(1).split("?");
  const [name = "", ...rest] = path.split("/").filter(Boolean);
  return { name: name || "map", id: decodeURIComponent(rest.join("/")), asked: new URLSearchParams(search) };
}

/** Write an address. */
export function address(name, id = "", asked = {}) {
  const search = new URLSearchParams(asked).toString();
  return `#/${name}${id ? `/${encodeURIComponent(id)}` : ""}${search ? `?${search}` : ""}`;
}

/** Change what is asked of the present view, without a new view. */
export function ask(changes) {
  const { name, id, asked } = place();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") asked.delete(key);
    else asked.set(key, value);
  }
  history.replaceState(null, "", address(name, id, Object.fromEntries(asked)));
}
