/** How values of a source are written and coloured. */

import { bandsFrom } from "../boards.js";
import { isState, spelled, unit } from "../catalog.js";
import { ago, either, number } from "../tongue.js";
import { bandOf } from "../scale.js";

export const written = {
  label: (source) => either(source.label, source.quantity ?? source.figure ?? ""),
  unit: (source) => (source.source === "heard" || (source.column && isState(source.column)) ? "" : unit(source.unit)),
  /** A value without its unit. */
  value(source, value) {
    if (value === undefined || value === null || Number.isNaN(value)) return "–";
    if (source.source === "heard") return ago(value);
    if (source.group === "device" && isState(source.quantity) && source.unit !== "") return spelled(source.quantity, value);
    return number(value, source.decimals ?? 2, true);
  },
};

/** The colour of a value; nothing where the source has no bands. */
export function tinted(source, value, otherwise = "transparent") {
  const bands = bandsFrom(source.scale);
  return bands.length > 1 && value !== undefined ? bandOf(bands, value).colour : otherwise;
}
