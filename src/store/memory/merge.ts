/** Applies changes that merge with what others have written: see `Merge`. */
import { parseJson } from "../../wire/parse-json.js";
import { typedJson } from "../../wire/serialize.js";
import {
  type Merged,
  type MergedChange,
  type Merge,
  versionsAllowed,
  versionWritten,
} from "../change.js";
import type { Values } from "../store.js";
import type { Column } from "../tables.js";
import { instantOf } from "../timestamps.js";
import type { OwnRows, VersionRow } from "./own.js";
import { columnOf, type Rows } from "./rows.js";
import { isInScope } from "./scope.js";
import type { Definition, Row } from "./tables.js";
import { convert, type Stored } from "./values.js";

interface Merging {
  readonly rows: Rows;
  readonly own: OwnRows;
  /** Microseconds since 1970. */
  readonly now: number;
}

/** @param write applies a change without merging */
export function mergeChange(
  { rows, own, now }: Merging,
  change: MergedChange,
  write: (change: MergedChange) => Merged["effect"],
): Merged {
  const { op, key, scope, merge, values } = change;
  const table = rows.table(change.table.name);
  const found = rows.find(table, key)?.[1];
  const name = nameOf(change);
  const record = merge.version && own.versions.get(name);
  if (found === undefined || !isInScope(rows, scope, found)) {
    const effect = write(change);
    if (effect === "written") enterVersion(table);
    return { effect };
  }
  const refused = refusalOf(table, found, merge, record);
  if (refused !== undefined) return { effect: refused };
  const merged =
    op === "DELETE" && Object.keys(values).length === 0 ? values : valuesOf(table, found, change);
  const effect = write({ ...change, values: merged });
  if (effect === "written") enterVersion(table);
  const kept = (merge.stamps ?? []).flatMap(({ column, value, columns = [] }) =>
    compare(columnOf(table, column), found[column] ?? null, value as Stored) > 0 ? columns : [],
  );
  return kept.length > 0 ? { effect, kept } : { effect };

  function enterVersion(of: Definition): void {
    const { version } = merge;
    if (version === undefined) return;
    const row = rows.find(of, key)?.[1];
    const written = row?.[version.column] ?? null;
    if (written === null || version.writer === undefined) {
      own.versions.delete(name);
      return;
    }
    const { subject } = version;
    const next = versionWritten(version.writer, BigInt(written), record);
    own.versions.set(name, { ...next, subject, writtenAt: now });
  }
}

function nameOf({ table, key }: MergedChange): string {
  return typedJson([table.name, ...Object.values(key).map(String)]);
}

function refusalOf(
  table: Definition,
  row: Row,
  { never, version, unchanged = [], stamps = [], added = [] }: Merge,
  record: VersionRow | undefined,
): "conflict" | "outdated" | undefined {
  if (never) return "conflict";
  const stored = (column: string) => row[column] ?? null;
  if (version?.base !== undefined) {
    const allowed = versionsAllowed(version, record).map((each) =>
      convert(columnOf(table, version.column), each, false),
    );
    if (!allowed.includes(stored(version.column))) return "conflict";
  }
  if (unchanged.some(({ column, oneOf }) => !oneOf.includes(stored(column)))) return "conflict";
  for (const { column: name, yours, base, min, max } of added) {
    const column = columnOf(table, name);
    const sum = sumOf(column, stored(name), yours as Stored, base as Stored);
    const beyond = (limit: unknown, sign: 1 | -1) =>
      limit !== undefined &&
      sign * compare(column, sum, limit as Stored) > 0 &&
      sign * compare(column, yours as Stored, base as Stored) > 0;
    if (beyond(min, -1) || beyond(max, 1)) return "conflict";
  }
  const isOutdated = stamps.some(
    ({ column, value, columns }) =>
      columns === undefined &&
      compare(columnOf(table, column), stored(column), value as Stored) > 0,
  );
  return isOutdated ? "outdated" : undefined;
}

function valuesOf(table: Definition, row: Row, { values, merge }: MergedChange): Values {
  const { version, added = [], union = [], greatest = [], least = [], stamps = [] } = merge;
  const made = new Map<string, unknown>(Object.entries(values));
  const stored = (column: string) => row[column] ?? null;
  for (const { column, yours, base } of added)
    made.set(
      column,
      sumOf(columnOf(table, column), stored(column), yours as Stored, base as Stored),
    );
  for (const column of union)
    made.set(column, unionOf(columnOf(table, column), stored(column), values[column] as Stored));
  for (const [columns, sign] of [
    [greatest, 1],
    [least, -1],
  ] as const) {
    for (const column of columns) {
      const order = compare(columnOf(table, column), stored(column), values[column] as Stored);
      if (stored(column) !== null && sign * order > 0) made.set(column, stored(column));
    }
  }
  if (version !== undefined) {
    const next = BigInt(stored(version.column) ?? 0) + 1n;
    made.set(version.column, convert(columnOf(table, version.column), next, false));
  }
  for (const { column, value, columns } of stamps) {
    if (columns === undefined) continue;
    if (compare(columnOf(table, column), stored(column), value as Stored) <= 0) continue;
    for (const each of [...columns, column]) if (made.has(each)) made.set(each, stored(each));
  }
  return Object.fromEntries(made);
}

/** NULL sorts before every value. */
function compare({ type }: Column, one: Stored, other: Stored): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  if (type === "timestamp") {
    const [a, b] = [instantOf(one), instantOf(other)];
    if (a.seconds !== b.seconds) return a.seconds - b.seconds;
    return order(a.fraction.padEnd(9, "0"), b.fraction.padEnd(9, "0"));
  }
  if (type === "bigint" || type === "decimal") {
    const [a, b] = aligned(String(one), String(other));
    return order(a, b);
  }
  return order(one, other);
}

function order<T extends string | number | boolean | bigint>(one: T, other: T): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** Two decimal numbers as integers in the same unit, and the number of digits after the decimal point. */
function aligned(...numbers: readonly [string, string]): readonly [bigint, bigint, number] {
  const places = Math.max(...numbers.map((number) => number.split(".")[1]?.length ?? 0));
  const [a = 0n, b = 0n] = numbers.map((number) => {
    const [whole = "", fraction = ""] = number.split(".");
    return BigInt(`${whole}${fraction.padEnd(places, "0")}`);
  });
  return [a, b, places];
}

function sumOf(column: Column, stored: Stored, yours: Stored, base: Stored): Stored {
  if (column.type !== "decimal" && column.type !== "bigint") {
    const sum = Number(stored ?? 0) + (Number(yours ?? 0) - Number(base ?? 0));
    return convert(column, sum, false);
  }
  const added = arithmetic(String(stored ?? 0), String(yours ?? 0), 1n);
  return convert(column, arithmetic(added, String(base ?? 0), -1n), false);
}

function arithmetic(one: string, other: string, sign: 1n | -1n): string {
  const [a, b, places] = aligned(one, other);
  const sum = a + sign * b;
  const digits = (sum < 0n ? -sum : sum).toString().padStart(places + 1, "0");
  const at = digits.length - places;
  const fraction = places === 0 ? "" : `.${digits.slice(at)}`;
  return `${sum < 0n ? "-" : ""}${digits.slice(0, at)}${fraction}`;
}

function unionOf(column: Column, stored: Stored, yours: Stored): Stored {
  const listOf = (value: Stored) =>
    value === null ? [] : (parseJson(String(value)) as readonly unknown[]);
  const seen = new Map<string, unknown>();
  for (const each of [...listOf(stored), ...listOf(yours)]) {
    const text = typedJson(each);
    if (!seen.has(text)) seen.set(text, each);
  }
  return convert(column, [...seen.values()], false);
}
