/** From a board's source to rows: newest values, values over the range, the ledger, silence. */

/**
 * @import { AccountSource, CadenceKeptSource, Device, DeviceRow, LastSeenSource, Range, ReadingsSource, Row, Series,
 *   Source, Sums, Where } from "./types.d.ts"
 */

import { all, get, query } from "./api.js";
import { outcomes, quantities } from "./catalog.js";
import { t } from "./i18n.js";
import { live } from "./live.js";
import { FAIL, across, combine, readings } from "./series.js";

const MAX_LINES = 300;
/** @type {Record<Where["sign"], (a: number, b: number) => boolean>} */
const SIGNS = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
};

/** What the panels of one board share while they load: filters, and answers already asked for. */
export class BoardLoader {
  /**
   * @param {Range} range
   * @param {Map<string, DeviceRow>} registry The devices that the reader chose.
   * @param {AbortSignal} signal
   */
  constructor(range, registry, signal) {
    this.range = range;
    this.registry = registry;
    this.signal = signal;
    /** @type {Map<string, Promise<any>>} */
    this.answers = new Map();
  }

  /** Rows of a source. @param {Source} source @returns {Promise<Row[]>} */
  async rows(source) {
    switch (source.source) {
      case "account":
        return this.account(source);
      case "last_seen":
        return this.lastSeen(source);
      case "cadence_kept":
        return this.cadenceKept(source);
      case "readings":
        return source.span === "newest" ? this.newest(source) : this.overRange(source);
      default:
        return [];
    }
  }

  /** @param {string[]} kinds @returns {Device[]} */
  chosen(kinds) {
    return live.rows.filter((device) => kinds.includes(device.kind) && this.registry.has(device.device));
  }

  /** @param {ReadingsSource} source @returns {Row[]} */
  newest(source) {
    const rows = this.chosen([source.kind]).flatMap(({ device, values }) => {
      const newest = values[source.quantity];
      const shown = newest && newest.flag !== FAIL && Date.parse(newest.time) >= this.range.start * 1000;
      return shown ? [{ name: device, device, value: newest.value }] : [];
    });
    return this.grouped(source, rows);
  }

  /** @param {ReadingsSource} source @returns {Promise<Row[]>} */
  async overRange(source) {
    const aggregate = source.aggregate ?? quantities.get(source.quantity)?.aggregate ?? "mean";
    const series = await this.series(source.kind, source.quantity, aggregate, source.every_s);
    const rows = series
      .filter(({ points }) => points.length)
      .map(({ device, points, step }) => ({ name: device, device, points, step }));
    if (source.span === "whole") {
      const how = aggregate === "count" ? "sum" : aggregate;
      return this.grouped(
        source,
        rows.map((row) => ({
          ...row,
          value: combine(
            row.points.map((point) => point.v),
            how,
          ),
        })),
      );
    }
    if (source.group === "device") return rows.slice(0, MAX_LINES);
    return this.groups(source, rows).map(([name, members]) => {
      return { name, device: null, points: across(members, source.across), step: members[0]?.step ?? 60 };
    });
  }

  /** @param {CadenceKeptSource} source @returns {Promise<Row[]>} */
  async cadenceKept(source) {
    const series = await this.series(source.kind, source.quantity, "count", 0);
    return series.map(({ device, completeness }) => ({
      name: device,
      device,
      value: Math.min(100, completeness * 100),
    }));
  }

  /** @param {LastSeenSource} source @returns {Row[]} */
  lastSeen(source) {
    const devices = this.chosen(source.kinds).sort((a, b) => a.time - b.time);
    return devices.map(({ device, time }) => ({ name: device, device, value: time }));
  }

  /** @param {AccountSource} source @returns {Promise<Row[]>} */
  async account(source) {
    const hours = {
      start: hourText(Math.floor(this.range.start / 3600)),
      end: hourText(Math.ceil(this.range.end / 3600)),
    };
    /** @type {Sums[]} */
    const accounts = source.by_gateway
      ? await this.once("gateways", () =>
          all(query("/v1/ledger", { ...hours, by: "gateway" }), "accounts", { signal: this.signal }),
        )
      : [await this.once("total", () => get(query("/v1/ledger", hours), this.signal))];
    return accounts.map((sums) => ({
      name: source.by_gateway ? sums.gateway || t("direct.all") : "",
      device: null,
      value: figureOf(sums, source.figure),
    }));
  }

  /**
   * Values over the range of every chosen device of a kind, asked once for all panels.
   * @param {string} kind
   * @param {string} quantity
   * @param {string} aggregate
   * @param {number} every
   * @returns {Promise<Series[]>}
   */
  async series(kind, quantity, aggregate, every) {
    const measuring = this.chosen([kind]).filter((device) => quantity in device.values);
    const devices = measuring.map((device) => device.device).sort();
    if (!devices.length) return [];
    const wanted = { devices, quantities: [quantity], range: this.range, kind, alone: true, aggregate, every };
    const answer = await this.once(`${kind} ${quantity} ${aggregate} ${every}`, () => readings(wanted, this.signal));
    return answer.series;
  }

  /**
   * @template T
   * @param {string} key
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   */
  once(key, ask) {
    const answer = this.answers.get(key) ?? ask();
    this.answers.set(key, answer);
    return answer;
  }

  /** @param {ReadingsSource} source @param {Row[]} rows @returns {[string, Row[]][]} */
  groups(source, rows) {
    /** @type {Map<string, Row[]>} */
    const found = new Map();
    for (const row of rows) {
      const name = this.groupOf(source, row);
      found.set(name, [...(found.get(name) ?? []), row]);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** @param {ReadingsSource} source @param {Row} row */
  groupOf(source, row) {
    if (source.group === "all") return "";
    return this.registry.get(row.device ?? "")?.[source.group] ?? t("unknown");
  }

  /** Make devices their group's value. @param {ReadingsSource} source @param {Row[]} rows @returns {Row[]} */
  grouped(source, rows) {
    const { where } = source;
    if (source.group === "device") return rows;
    const kept = where ? rows.filter((row) => SIGNS[where.sign](row.value ?? NaN, where.value)) : rows;
    const groups = this.groups(source, kept);
    // a count of nothing is 0, and so is the sum of devices of which `where` kept none
    const zero = source.across === "count" || (source.across === "sum" && rows.length > 0);
    if (!groups.length && source.group === "all" && zero) return [{ name: "", device: null, value: 0 }];
    return groups.map(([name, members]) => {
      const values = members.flatMap((row) => (row.value === undefined ? [] : [row.value]));
      return { name, device: null, value: combine(values, source.across) };
    });
  }
}

/** @param {number} hours Since 1970. */
const hourText = (hours) => new Date(hours * 3_600_000).toISOString();

/** A figure by the board's name: the API calls what is missing `gaps`. @param {Sums} sums @param {string} name */
function figureOf(sums, name) {
  if (name === "difference") return outcomes.reduce((rest, outcome) => rest - sums[outcome], sums.received);
  const figure = name === "missing" ? "gaps" : name;
  return sums[/** @type {import("./types.d.ts").Figure} */ (figure)];
}
