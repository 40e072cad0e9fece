/** Shapes of what the API answers with (/openapi.json) and of console.json (dashboards/spec.py), for the type checker. */

export interface Text {
  en: string;
  th: string;
}

// /v1/catalog

export interface Quantity {
  key: string;
  unit: string;
  symbol: string;
  label: Text;
  low: number;
  high: number;
  decimals: number;
  aggregate: string;
  boolean: boolean;
}

export interface Kind {
  key: string;
  workstream: string;
  label: Text;
  quantities: string[];
  cadence_s: number;
}

// /v1/latest, /v1/devices, /v1/readings

export interface NewestValue {
  value: number;
  unit: string | null;
  time: string;
  flag: number;
}

export interface Feature {
  id: string;
  geometry: { coordinates: [number, number] } | null;
  properties: { device: string; kind: string; values: Record<string, NewestValue> };
}

export interface DeviceRow {
  device: string;
  kind: string;
  kinds: string[];
  province: string;
  district: string | null;
  owner: string | null;
  gateway: string | null;
  status: string;
  name: string | null;
  first_seen: string;
}

export interface SeriesBody {
  device: string;
  quantity: string;
  kind: string;
  unit: string | null;
  points: [string, number, number][];
  completeness: number;
  worst_flag: number;
}

// /v1/ledger, /v1/quarantine

export type Outcome = "stored" | "duplicate" | "quarantined" | "rejected" | "merged";
export type Figure = "received" | Outcome | "pending" | "gaps";

export interface Sums extends Record<Figure, number> {
  balanced: boolean;
  gateway?: string;
  device?: string;
}

export interface QuarantineRow {
  id: number;
  received: string;
  topic: string;
  reason: string;
  detail: string;
  gateway: string | null;
  device: string | null;
  origin: string | null;
  readings: number;
  state: string;
  tries: number;
  payloads: number;
  bytes: number;
  digest: string | null;
}

// GET /v1/quarantine/{id}

export interface QuarantinePayload {
  id: number;
  payload: string;
  text: string | null;
}

// /console/boards.json

export interface Band {
  start: number | null;
  colour: string;
  means?: Text;
}

export interface Where {
  sign: "<" | "<=" | ">" | ">=" | "=";
  value: number;
}

export type Group = "all" | "device" | "district" | "owner";

export interface ReadingsSource {
  source: "readings";
  kind: string;
  quantity: string;
  span: "buckets" | "newest" | "whole";
  group: Group;
  aggregate: string | null;
  across: string;
  where: Where | null;
  label: Text | null;
  every_s: number;
}

export interface AccountSource {
  source: "account";
  figure: string;
  by_gateway: boolean;
  label: Text | null;
}

export interface LastSeenSource {
  source: "last_seen";
  kinds: string[];
  label: Text;
}

export interface CadenceKeptSource {
  source: "cadence_kept";
  kind: string;
  quantity: string;
  label: Text;
}

export interface AllQuantitiesSource {
  source: "all_quantities";
}

export type Source = ReadingsSource | AccountSource | LastSeenSource | CadenceKeptSource | AllQuantitiesSource;

export interface Panel {
  key: string;
  title: Text;
  description: Text;
  plot: string;
  sources: Source[];
  width: number;
  height: number;
  scale: Band[] | null;
  drill: boolean;
  empty: Text | null;
}

export interface Section {
  title: Text;
  panels: Panel[];
}

export interface Board {
  key: string;
  title: Text;
  description: Text;
  sections: Section[];
  variables: string[];
  hours: number;
}

export interface BoardsFile {
  boards: Board[];
  scales: Record<string, Band[]>;
  variables: Record<string, Text>;
  nothing: Text;
}

// /console/basemaps/<province>.json

export interface Basemap {
  code: string;
  name: Text;
  zone: string;
  bounds: [[number, number], [number, number]];
  roads: { number: string; shield?: [number, number]; points: [number, number][] }[];
  towns: (Text & { at: [number, number]; rank: number })[];
}

// Inside the console

/** Seconds since 1970; not fixed: it ends now. */
export interface Range {
  start: number;
  end: number;
  fixed: boolean;
}

export interface Point {
  t: number;
  v: number;
  flag: number;
}

export interface Line {
  label: string;
  points: Point[];
  step: number;
}

export interface Series {
  device: string;
  quantity: string;
  kind: string;
  points: Point[];
  completeness: number;
  worst: number;
  step: number;
}

/** What one device, gateway or group shows in a panel: a value, or points over time. */
export interface Row {
  name: string;
  device: string | null;
  value?: number;
  points?: Point[];
  step?: number;
}

/** A device as the map has it: what it measures under all its kinds. `time` is in milliseconds. */
export interface Device {
  device: string;
  kind: string;
  kinds: string[];
  at: [number, number] | null;
  values: Record<string, NewestValue>;
  time: number;
}

/** What a panel's drawing needs of its board. */
export interface BoardContext {
  zoom: (from: number, to: number) => void;
  range: () => Range;
}

/** Draws one list of rows for each source of a panel. */
export interface Draw {
  (rows: Row[][]): void;
  close?: () => void;
}

export type Close = () => void;
