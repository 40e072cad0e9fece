/** The boards' spec (dashboards/spec.py) as it was printed, and the colours that come with it. */

/** @import { Band, Board, BoardsFile, Panel, Source } from "./types.d.ts" */

import { PLATFORM, kinds } from "./catalog.js";
import { setBands } from "./scale.js";

/** @type {BoardsFile} */
export const boards = { boards: [], scales: {}, variables: {}, nothing: { en: "", th: "" } };

/** Read the spec; without it the console has its own views alone. */
export async function loadBoards() {
  const answer = await fetch("/console/boards.json");
  if (answer.ok) Object.assign(boards, await answer.json());
}

/** @param {Board} board */
export const panelsOf = (board) => board.sections.flatMap((section) => section.panels);

/** @param {Board} board */
const sourcesOf = (board) => panelsOf(board).flatMap((panel) => panel.sources);

/** Whether it shows whatever one device measures: the console has its own page for that. @param {Board} board */
export const isDeviceBoard = (board) => sourcesOf(board).some((source) => source.source === "all_quantities");

/** Kinds that a board shows. @param {Board} board */
export const kindsOf = (board) => new Set(sourcesOf(board).flatMap(kindsOfSource));

/** @param {Source} source @returns {string[]} */
function kindsOfSource(source) {
  if (source.source === "last_seen") return source.kinds;
  return "kind" in source ? [source.kind] : [];
}

/** Give each quantity the colours that boards draw it in, so that map and device page agree with them. */
export function registerBands() {
  for (const panel of boards.boards.flatMap(panelsOf)) {
    for (const source of panel.sources) {
      if (source.source !== "readings" || source.group !== "device") continue;
      const bands = bandsOfSource(source, panel);
      if (bands.length > 1) setBands(source.kind, source.quantity, bands);
    }
  }
}

/** Whether it shows a number of devices or samples and not the quantity. @param {Source} source */
export const isCount = (source) =>
  source.source === "readings" &&
  (source.aggregate === "count" || (source.group !== "device" && source.across === "count"));

/** By what the catalog and the scales know a source. @param {Source} source */
export function keyOf(source) {
  if (source.source === "readings") return source.quantity;
  if (source.source === "account") return source.figure === "difference" ? "difference" : `readings_${source.figure}`;
  return source.source;
}

/**
 * Colours by value: the first source may have those of its panel; counted devices have none.
 * @param {Source} source
 * @param {Panel} panel
 * @returns {Band[]} Rising; fewer than two where there is no limit.
 */
export function bandsOfSource(source, panel) {
  if (panel.scale && source === panel.sources[0]) return panel.scale;
  return isCount(source) ? [] : (boards.scales[keyOf(source)] ?? []);
}

/** Whose board it is: a workstream's, or the operator's own. @param {Board} board */
export function workstreamOf(board) {
  const fieldKinds = [...kindsOf(board)].filter((key) => key !== PLATFORM);
  const streams = new Set(fieldKinds.map((key) => kinds.get(key)?.workstream));
  return streams.size === 1 ? ([...streams][0] ?? "") : "";
}
