/** Changes that merge with what others have written. Expressions judge the stored document, and a pipeline writes it, so the server does all comparisons and sums. See `Merge`. */
import type { Document } from "mongodb";
import {
  type Change,
  type Merged,
  type MergedChange,
  type Values,
  type Added,
  type Merge,
  type VersionRecord,
  versionsAllowed,
  versionWritten,
} from "../store/change.js";
import { ColumnsFixed } from "../store/failures.js";
import type { Table } from "../store/tables.js";
import { typedJson } from "../wire/serialize.js";
import { look } from "./stored-documents.js";
import type { VersionDocument } from "./own-collections.js";
import { isInBefore } from "./scope.js";
import { columnIn, dateOf, type Sending } from "./commands.js";
import { convert, isSame, viewed } from "./values.js";
import { isJudged, judged, updateFound, writeChange } from "./write.js";

export async function mergeChange(sending: Sending, change: MergedChange): Promise<Merged> {
  const { op, table, scope, merge, values, fixed = [] } = change;
  const fields = fixed.map((name) => columnIn(table, name).field);
  const found = await look(sending, change, fields);
  const version = merge.version && (await versionOf(sending, change, merge.version));
  if (typeof found === "string") {
    const effect = await writeChange(sending, change);
    const first = merge.version && viewed(values[merge.version.column]);
    if (effect === "written") await version?.enter(op === "PUT" ? bigOf(first) : undefined);
    return { effect };
  }
  const judgment = await judge(sending, change, found, version?.record);
  if (judgment.refused !== undefined) return { effect: judgment.refused };
  const others = fixed.filter((name) => !isSame(found[columnIn(table, name).field], values[name]));
  if (others.length > 0) throw new ColumnsFixed(others);
  const kept = judgment.kept.length > 0 ? { kept: judgment.kept } : {};
  if (op === "DELETE" && Object.keys(values).length === 0) {
    const effect = await writeChange(sending, change);
    if (effect === "written") await version?.enter(undefined);
    return { effect, ...kept };
  }
  const made = fieldsMade(change);
  if (op !== "DELETE" && !(await isInBefore(sending, table, scope, foreseen(change, found, made))))
    return { effect: "left" };
  if (Object.keys(made).length > 0) await updateFound(sending, change, found, [{ $set: made }]);
  const effect = isJudged(change, Object.keys(made))
    ? await judged(sending, change, found)
    : "written";
  if (effect === "written") await version?.enter(judgment.version + 1n);
  return { effect, ...kept };
}

/** The document with the values that were sent, without their merging. @param made what the pipeline sets, by field */
function foreseen({ table, values }: Change, found: Document, made: Values): Document {
  const sent = Object.entries(values).map(
    ([name, value]) => [columnIn(table, name).field, value] as const,
  );
  return { ...found, ...Object.fromEntries(sent.filter(([field]) => Object.hasOwn(made, field))) };
}

interface Judgment {
  readonly refused: "conflict" | "outdated" | undefined;
  readonly kept: readonly string[];
  /** The row's current version. */
  readonly version: bigint;
}

async function judge(
  { collection, on, send }: Sending,
  { table, merge }: MergedChange,
  { _id }: Document,
  record: VersionRecord | undefined,
): Promise<Judgment> {
  const stamps = merge.stamps ?? [];
  const project = {
    _id: 0,
    conflict: { $or: conflictsOf(table, merge, record) },
    outdated: {
      $or: stamps
        .filter(({ columns }) => columns === undefined)
        .map(({ column, value }) => later(table, column, value)),
    },
    kept: stamps.map(({ column, value, columns }) =>
      columns === undefined ? literal(false) : later(table, column, value),
    ),
    version: merge.version === undefined ? literal(null) : stored(table, merge.version.column),
  };
  const pipeline = [{ $match: { _id } }, { $project: project }];
  const [answer] = await send(() => collection(table.name).aggregate(pipeline, on).toArray());
  const { conflict, outdated, kept, version } = (answer ?? {}) as {
    readonly conflict?: boolean;
    readonly outdated?: boolean;
    readonly kept?: readonly boolean[];
    readonly version?: unknown;
  };
  const refused = conflict === true ? "conflict" : outdated === true ? "outdated" : undefined;
  return {
    refused,
    kept: stamps.flatMap(({ columns = [] }, index) => (kept?.[index] === true ? columns : [])),
    version: bigOf(viewed(version)) ?? 0n,
  };
}

/** Expressions of which each is true if the row does not take the write. */
function conflictsOf(
  table: Table,
  { never, version, unchanged = [], added = [] }: Merge,
  record: VersionRecord | undefined,
): Document[] {
  const conflicts: Document[] = [];
  if (never) conflicts.push(literal(true));
  if (version?.base !== undefined) {
    const column = columnIn(table, version.column);
    const allowed = versionsAllowed(version, record).map((each) => convert(column, each, false));
    conflicts.push(isNoneOf(stored(table, version.column), allowed));
  }
  for (const { column, oneOf } of unchanged) conflicts.push(isNoneOf(stored(table, column), oneOf));
  for (const each of added) {
    const sum = sumOf(table, each);
    const { yours, base, min, max } = each;
    const [mine, before] = [literal(yours ?? 0), literal(base ?? 0)];
    // The difference must not cross a bound. A row that is already beyond it may come back.
    if (min !== undefined)
      conflicts.push({ $and: [{ $lt: [sum, literal(min)] }, { $lt: [mine, before] }] });
    if (max !== undefined)
      conflicts.push({ $and: [{ $gt: [sum, literal(max)] }, { $gt: [mine, before] }] });
  }
  return conflicts;
}

/** What the pipeline sets, by field. Every expression sees the document as it was before the update. */
function fieldsMade(change: MergedChange): Readonly<Record<string, unknown>> {
  const { op, table, key, merge, insertOnly = [] } = change;
  const values: Values = change.values;
  const { version, added = [], union = [], greatest = [], least = [], stamps = [] } = merge;
  const made = new Map<string, unknown>();
  const left = new Set([...Object.keys(key), ...(op === "PUT" ? insertOnly : [])]);
  for (const [name, value] of Object.entries(values)) {
    if (left.has(name)) continue;
    const { keepsNull } = columnIn(table, name);
    made.set(name, value === null && !keepsNull ? "$$REMOVE" : literal(value));
  }
  const put = (column: string, expression: unknown): void => {
    if (!left.has(column)) made.set(column, expression);
  };
  for (const each of added) put(each.column, sumOf(table, each));
  for (const column of union) put(column, unionOf(table, column, values[column]));
  for (const column of greatest)
    put(column, { $max: [stored(table, column), literal(values[column])] });
  for (const column of least)
    put(column, { $min: [stored(table, column), literal(values[column])] });
  if (version !== undefined) {
    const one = convert(columnIn(table, version.column), 1, false);
    put(version.column, { $add: [stored(table, version.column, 0), literal(one)] });
  }
  for (const { column, value, columns } of stamps) {
    for (const each of columns === undefined ? [] : [...columns, column]) {
      if (!made.has(each)) continue;
      const then = `$${columnIn(table, each).field}`;
      made.set(each, { $cond: [later(table, column, value), then, made.get(each)] });
    }
  }
  return Object.fromEntries(
    Array.from(made, ([name, expression]) => [columnIn(table, name).field, expression]),
  );
}

function stored(table: Table, column: string, absent: unknown = null): Document {
  return { $ifNull: [`$${columnIn(table, column).field}`, literal(absent)] };
}

function literal(value: unknown): Document {
  return { $literal: value };
}

/** Whether the stored stamp is later than the value. Null sorts before every value. */
function later(table: Table, column: string, value: unknown): Document {
  return { $gt: [stored(table, column), literal(value)] };
}

function isNoneOf(expression: Document, values: readonly unknown[]): Document {
  return { $not: [{ $in: [expression, literal(values)] }] };
}

function sumOf(table: Table, { column, yours, base }: Added): Document {
  const difference = { $subtract: [literal(yours ?? 0), literal(base ?? 0)] };
  return { $add: [stored(table, column, 0), difference] };
}

/** The row's elements, followed by the missing ones, each once. */
function unionOf(table: Table, column: string, yours: unknown): Document {
  const all = { $concatArrays: [stored(table, column, []), literal(yours ?? [])] };
  const grown = { $concatArrays: ["$$value", ["$$this"]] };
  const one = { $cond: [{ $in: ["$$this", "$$value"] }, "$$value", grown] };
  return { $reduce: { input: all, initialValue: [], in: one } };
}

function bigOf(value: unknown): bigint | undefined {
  return typeof value === "bigint" || typeof value === "number" || typeof value === "string"
    ? BigInt(value)
    : undefined;
}

interface KnownVersions {
  readonly record: VersionRecord | undefined;
  /** Records the writer of a version that has just been written. `undefined`: the row has no version. */
  enter(version: bigint | undefined): Promise<void>;
}

/** Reads who wrote the row's latest versions. */
async function versionOf(
  { own: { versions }, on, send, now }: Sending,
  { table, key }: Change,
  { writer, subject }: NonNullable<Merge["version"]>,
): Promise<KnownVersions> {
  const parts = Object.values(key).map((value) => String(viewed(value)));
  const _id = typedJson([table.name, ...parts]);
  const known = await send(() => versions.findOne({ _id }, on));
  const record = known === null ? undefined : recordOf(known);
  return {
    record,
    enter: async (version) => {
      if (version === undefined || writer === undefined) {
        if (known !== null) await send(() => versions.deleteOne({ _id }, on));
        return;
      }
      const next = versionWritten(writer, version, record);
      const replacement = { ...next, subject, writtenAt: dateOf(now) };
      await send(() => versions.replaceOne({ _id }, replacement, { ...on, upsert: true }));
    },
  };
}

function recordOf({ writer, version, since }: VersionDocument): VersionRecord {
  return { writer, version: BigInt(version.toString()), since: BigInt(since.toString()) };
}
