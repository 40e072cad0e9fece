/** Asks for an API key when the API wants one. */

import { byId, h } from "./dom.js";
import { say } from "./tongue.js";

/** @type {Promise<string> | null} */
let asking = null;

/**
 * Ask once, however many requests wait for it.
 * @param {boolean} refused Whether a key was tried already.
 * @returns {Promise<string>}
 */
export function askForKey(refused) {
  asking ??= ask(refused).finally(() => {
    asking = null;
  });
  return asking;
}

function ask(refused) {
  const dialog = byId("key");
  return new Promise((resolve) => {
    const field = h("input", { type: "password", id: "key-field", autocomplete: "off", required: true, spellcheck: "false" });
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          dialog.close();
          resolve(field.value.trim());
        },
      },
      h("h2", { id: "key-title" }, say("key.title")),
      h("p", {}, say(refused ? "key.refused" : "key.why")),
      h("label", { for: "key-field" }, say("key.label")),
      field,
      h("button.strong", { type: "submit" }, say("key.use")),
    );
    dialog.replaceChildren(form);
    dialog.oncancel = (event) => event.preventDefault();
    dialog.showModal();
  });
}
