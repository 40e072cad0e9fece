/** From a board's source to rows: newest values, values over the range, the ledger, silence. */

import { all, get, query } from "./api.js";
import { live } from "./live.js";
import { across, readings } from "./series.js";
import { say } from "./tongue.js";

const FAIL = 4;
const MOST_LINES = 300;
const SIGNS = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "=": (a, b) => a === b };

/**
 * @typedef {{name: string, device: string|null, value: number|undefined, time?: number, points?: object[], step?: number}} Row
 */

/** What the panels of one board share during one round of loading: filters, and answers already asked for. */
export class Round {
  /**
   * @param {object} range
   * @param {Map<string, object>} registry Device to its row; holds whom the reader chose.
   * @param {AbortSignal} signal
   */
  constructor(range, registry, signal) {
    this.range = range;
    this.registry = registry;
    this.signal = signal;
    this.answers = new Map();
  }

  /** Rows of a source. @returns {Promise<Row[]>} */
  async rows(source) {
    switch (source.source) {
      case "account": return this.account(source);
      case "heard": return this.heard(source);
      case "kept": return this.kept(source);
      case "readings": return source.span === "newest" ? this.newest(source) : this.over(source);
      default: return [];
    }
  }

  chosen(kindsWanted) {
    return live.rows.filter((device) => kindsWanted.includes(device.kind) && this.registry.has(device.device));
  }

  newest(source) {
    const rows = this.chosen([source.kind]).flatMap((device) => {
      const one = device.values[source.quantity];
      if (!one || one.flag === FAIL || Date.parse(one.time) < this.range.start * 1000) return [];
      return [{ name: device.device, device: device.device, value: one.value, time: Date.parse(one.time), at: device.at }];
    });
    return this.grouped(source, rows);
  }

  async over(source) {
    const { series, range } = await this.series(source.kind, source.quantity, source.aggregate, source.every_s);
    this.shown = range;
    const each = series.filter((one) => one.points.length).map((one) => ({ name: one.device, device: one.device, points: one.points, step: one.step }));
    if (source.span === "whole") {
      const aggregate = source.aggregate === "count" ? "sum" : source.aggregate;
      return this.grouped(source, each.map((row) => ({ ...row, value: across([{ points: row.points.map((point) => ({ ...point, t: 0 })), step: 1 }], aggregate).points[0]?.v })));
    }
    if (source.group === "device") return each.slice(0, MOST_LINES);
    return this.groups(source, each).map(([name, members]) => {
      const counted = source.across === "count" ? members.map((row) => ({ ...row, points: row.points.map((point) => ({ ...point, v: 1 })) })) : members;
      return { name, device: null, ...across(counted, source.across === "count" ? "sum" : source.across) };
    });
  }

  async kept(source) {
    const { series } = await this.series(source.kind, source.quantity);
    return series.map((one) => ({ name: one.device, device: one.device, value: Math.min(100, one.completeness * 100) }));
  }

  heard(source) {
    return this.chosen(source.kinds).map((device) => ({ name: device.device, device: device.device, value: device.time, time: device.time })).sort((a, b) => a.value - b.value);
  }

  async account(source) {
    const hours = { start: hour(Math.floor(this.range.start / 3600)), end: hour(Math.ceil(this.range.end / 3600)) };
    const by = source.by_gateway ? "gateway" : "";
    const found = await this.once(`account ${by}`, () => (by ? all(query("/v1/ledger", { ...hours, by }), "accounts", { signal: this.signal }) : get(query("/v1/ledger", hours), this.signal).then((one) => [one])));
    return found.map((sums) => ({ name: sums.gateway === undefined ? "" : sums.gateway || say("direct.all"), device: null, value: figure(sums, source.figure) }));
  }

  /** Values over the range of every chosen device of a kind, asked once for all panels. */
  series(kind, quantity, aggregate, every) {
    const devices = this.chosen([kind]).filter((device) => quantity in device.values).map((device) => device.device).sort();
    if (!devices.length) return { series: [], range: this.range };
    return this.once(`${kind} ${quantity} ${aggregate} ${every}`, () => readings({ devices, quantities: [quantity], range: this.range, kind, alone: true, aggregate, every }, this.signal));
  }

  once(key, ask) {
    if (!this.answers.has(key)) this.answers.set(key, ask());
    return this.answers.get(key);
  }

  groups(source, rows) {
    const found = new Map();
    for (const row of rows) {
      const place = this.registry.get(row.device);
      const name = source.group === "all" ? "" : (place?.[source.group] ?? say("unknown"));
      found.set(name, [...(found.get(name) ?? []), row]);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  grouped(source, rows) {
    if (source.group === "device") return rows;
    const kept = source.where ? rows.filter((row) => SIGNS[source.where.sign](row.value, source.where.value)) : rows;
    const groups = this.groups(source, kept);
    if (!groups.length && source.group === "all" && ["count", "sum"].includes(source.across) && (rows.length || source.across === "count")) return [{ name: "", device: null, value: 0 }];
    return groups.map(([name, members]) => {
      const values = members.map((row) => row.value).filter((value) => value !== undefined);
      const value = source.across === "count" ? values.length : across(values.map((v) => ({ points: [{ t: 0, v, flag: 1 }], step: 1 })), source.across).points[0]?.v;
      return { name, device: null, value };
    });
  }
}

const hour = (hours) => new Date(hours * 3_600_000).toISOString();

function figure(sums, name) {
  if (name === "difference") return sums.received - sums.stored - sums.duplicate - sums.quarantined - sums.rejected;
  return sums[name];
}
