/** The boards as they were printed for the console, and the colours that come with them. */

import { PLATFORM, kinds } from "./catalog.js";
import { setBands } from "./scale.js";

/** @type {{list: object[]}} */
export const boards = { list: [] };

/** Read what was printed; without it the console has its own views alone. */
export async function loadBoards() {
  const answer = await fetch("/console/boards.json");
  if (!answer.ok) return;
  const printed = await answer.json();
  boards.list = printed.boards.map((board) => ({
    ...board,
    sections: board.sections.map((section) => ({ ...section, panels: section.panels.map((panel) => ({ ...panel, sources: panel.asks.map(sourceOf) })) })),
  }));
  // a board of one device is the console's own device page
  for (const board of boards.list) board.own = panelsOf(board).some((panel) => panel.sources.some((source) => source.source === "all"));
}

/** What an ask means to `sources.js`. */
function sourceOf({ ask, params, ...rest }) {
  const quantity = rest.quantity ?? params.quantity?.[0];
  switch (ask) {
    case "newest": return { ...rest, source: "readings", span: ask, kind: params.kind[0], quantity };
    case "buckets": case "whole": return { ...rest, source: "readings", span: ask, quantity, aggregate: params.aggregate };
    case "account": return { ...rest, source: ask, by_gateway: params.by === "gateway" };
    case "heard": return { ...rest, source: ask, kinds: params.kind };
    default: return { ...rest, source: ask, quantity };
  }
}

export const panelsOf = (board) => board.sections.flatMap((section) => section.panels);

/** Bands as the scale module has them: rising, the first one from below everything. */
export const bandsFrom = (scale) => (scale ?? []).map((band) => ({ from: band.from ?? -Infinity, colour: band.colour, label: band.means }));

/** Give each quantity the colours that boards draw it in, so that map and device page agree with them. */
export function learnColours() {
  for (const panel of boards.list.flatMap(panelsOf)) {
    for (const source of panel.sources) {
      const bands = bandsFrom(source.scale);
      if (source.quantity && bands.length > 1 && source.group === "device") setBands(source.kind, source.quantity, bands);
    }
  }
}

/** Whose board it is: a workstream's, or the operator's own. */
export function streamOf(board) {
  const streams = new Set(board.kinds.filter((key) => key !== PLATFORM).map((key) => kinds.get(key)?.workstream));
  return streams.size === 1 ? [...streams][0] : "";
}
