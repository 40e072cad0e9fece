/** Asks for an API key when the API wants one. */

import { byId, h } from "./dom.js";
import { t } from "./i18n.js";

/** @type {Promise<string> | null} */
let pending = null;

/**
 * Ask once, however many requests wait for it.
 * @param {boolean} refused Whether a key was tried already.
 * @returns {Promise<string>}
 */
export function askForKey(refused) {
  pending ??= open(refused).finally(() => {
    pending = null;
  });
  return pending;
}

/** @param {boolean} refused @returns {Promise<string>} */
function open(refused) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("key"));
  return new Promise((resolve) => {
    const field = /** @type {HTMLInputElement} */ (
      h("input", { type: "password", id: "key-field", autocomplete: "off", required: true, spellcheck: "false" })
    );
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      dialog.close();
      resolve(field.value.trim());
    };
    const form = h(
      "form",
      { onsubmit: submit },
      h("h2", { id: "key-title" }, t("key.title")),
      h("p", {}, t(refused ? "key.refused" : "key.why")),
      h("label", { for: "key-field" }, t("key.label")),
      field,
      h("button.strong", { type: "submit" }, t("key.use")),
    );
    dialog.replaceChildren(form);
    dialog.oncancel = (event) => event.preventDefault();
    dialog.showModal();
  });
}
