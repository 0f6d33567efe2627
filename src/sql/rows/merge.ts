/** Applies a rule's `conflict` to a change, as filters and values of the statement that writes the row. */
import { type Expression, sql, type SqlBool } from "kysely";
import {
  type Merge,
  type Merged,
  type MergedChange,
  type MergedVersion,
  MergeRefused,
  type VersionRecord,
  versionsAllowed,
  versionWritten,
} from "../../store/change.js";
import { Contention } from "../../store/failures.js";
import type { Column, Table } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";
import type { Versions } from "../ledger/versions.js";
import { asNumber, keyFilter } from "../select.js";
import { eb } from "../table.js";
import type { Guard } from "./target.js";
import { keyOf } from "./values.js";
import { type MergeConditions, writeOne, type Writing } from "./write.js";

/** @param versions of the rows of tables that count them */
export async function mergeOne(
  writing: Writing,
  versions: Versions,
  change: MergedChange,
): Promise<Merged> {
  const { merge } = change;
  const { version } = merge;
  const record = version && (await versions.find(change));
  try {
    const effect = await writeOne(writing, change, conditionsOf(writing.dialect, change, record));
    if (effect === "written" && version !== undefined)
      await enterVersion(writing, versions, change, version, record);
    if (effect !== "written" || !merge.stamps?.some(({ columns }) => columns)) return { effect };
    return { effect, kept: await keptColumns(writing, change) };
  } catch (error) {
    if (!(error instanceof MergeRefused)) throw error;
    // What was known about the writer's own versions may be older than the row, so read them again.
    if (version?.writer !== undefined && !isSameVersion(record, await versions.find(change, true)))
      throw new Contention("The row's versions were being written meanwhile.");
    return { effect: error.effect };
  }
}

function isSameVersion(one: VersionRecord | undefined, other: VersionRecord | undefined): boolean {
  return one?.writer === other?.writer && one?.version === other?.version;
}

/** Reads the row that was just written. Nobody else can change it until the transaction ends. */
async function enterVersion(
  { tx, dialect }: Writing,
  versions: Versions,
  change: MergedChange,
  { column, writer, subject }: MergedVersion,
  record: VersionRecord | undefined,
): Promise<void> {
  const { table, key } = change;
  const found = table.columns.get(column);
  const reference = sql.id(column);
  const row = await tx
    .selectFrom(table.name)
    .select(
      sql<unknown>`${(found && dialect.exact?.(reference, found)) ?? reference}`.as("version"),
    )
    .where(keyFilter({ key: keyOf(dialect, table.columns, key) }))
    .executeTakeFirst();
  const version = /^\d{1,19}$/.exec(String(row?.version))?.[0];
  // The row is gone, or can't be seen, so its version is not known.
  if (version === undefined || writer === undefined) {
    if (record !== undefined) await versions.remove(change);
    return;
  }
  await versions.enter(change, versionWritten(writer, BigInt(version), record), subject);
}

/** Judges the row as it is now: a stamp other than the write's own is later. */
async function keptColumns(
  { tx, dialect }: Writing,
  { table, key, merge: { stamps = [] } }: MergedChange,
): Promise<readonly string[]> {
  const later = stamps.map(({ column, value }, index) =>
    asNumber(sql<SqlBool>`(${isLater(dialect, table, column, value)})`).as(`s${index}`),
  );
  const row = await tx
    .selectFrom(table.name)
    .select(later)
    .where(keyFilter({ key: keyOf(dialect, table.columns, key) }))
    .executeTakeFirst();
  return stamps.flatMap(({ columns = [] }, index) =>
    Number(row?.[`s${index}`]) === 1 ? columns : [],
  );
}

/** Qualified with the table, because a bare name would be ambiguous after ON CONFLICT. */
function ref({ name }: Table, column: string): Expression<unknown> {
  return eb.ref(`${name}.${column}`);
}

function columnOf({ columns }: Table, name: string): Column {
  const column = columns.get(name);
  if (column === undefined) throw new Error("A change merges a column that its table lacks.");
  return column;
}

function isLater(
  { merging }: Dialect,
  table: Table,
  column: string,
  value: unknown,
): Expression<SqlBool> {
  return sql<SqlBool>`${ref(table, column)} > ${merging.typed(columnOf(table, column), value)}`;
}

function conditionsOf(
  dialect: Dialect,
  { table, values, merge }: MergedChange,
  record: VersionRecord | undefined,
): MergeConditions {
  return {
    guards: [...guardsOf(dialect, table, merge, record)],
    computed: new Map(computedOf(dialect, table, values, merge)),
  };
}

function* guardsOf(
  dialect: Dialect,
  table: Table,
  merge: Merge,
  record: VersionRecord | undefined,
): Iterable<Guard> {
  const { same, merging } = dialect;
  const effect = "conflict";
  if (merge.never) yield { effect, filter: sql<SqlBool>`1 = 0` };
  const holds = (name: string, oneOf: readonly unknown[]): Expression<SqlBool> => {
    const column = columnOf(table, name);
    const each = oneOf.map((value) => sql`(${same(ref(table, name), column, value)})`);
    return sql<SqlBool>`(${sql.join([...each, sql`1 = 0`], sql` or `)})`;
  };
  const { version } = merge;
  if (version?.base !== undefined) {
    const column = columnOf(table, version.column);
    const allowed = versionsAllowed(version, record).map(
      (each) => each && dialect.convert(column, each, false),
    );
    yield { effect, filter: holds(version.column, allowed) };
  }
  for (const { column, oneOf } of merge.unchanged ?? [])
    yield { effect, filter: holds(column, oneOf) };
  for (const { column, value, columns } of merge.stamps ?? []) {
    if (columns !== undefined) continue;
    const later = isLater(dialect, table, column, value);
    yield {
      effect: "outdated",
      filter: sql<SqlBool>`case when ${later} then 0 else 1 end = 1`,
    };
  }
  for (const { column: name, yours, base, min, max } of merge.added ?? []) {
    const column = columnOf(table, name);
    const range = merging.range?.(column);
    const sum = merging.sum(ref(table, name), column, yours, base);
    const number = (value: unknown) => merging.typed(column, value);
    // A value that is already beyond a bound may move toward it.
    const [least, most] = [min ?? range?.min, max ?? range?.max];
    const beyond = [
      ...(least === undefined
        ? []
        : [sql`(${sum} < ${number(least)} and ${number(yours)} < ${number(base)})`]),
      ...(most === undefined
        ? []
        : [sql`(${sum} > ${number(most)} and ${number(yours)} > ${number(base)})`]),
    ];
    if (beyond.length > 0)
      yield {
        effect,
        filter: sql<SqlBool>`case when ${sql.join(beyond, sql` or `)} then 0 else 1 end = 1`,
      };
  }
}

/** Stamps come last: on databases that assign one after the other, expressions that read a stamp must see its old value. */
function* computedOf(
  dialect: Dialect,
  table: Table,
  values: MergedChange["values"],
  { version, added = [], union = [], greatest = [], least = [], stamps = [] }: Merge,
): Iterable<readonly [string, Expression<unknown>]> {
  const { merging } = dialect;
  for (const { column, yours, base } of added)
    yield [column, merging.sum(ref(table, column), columnOf(table, column), yours, base)];
  for (const column of union)
    yield [column, merging.union(ref(table, column), columnOf(table, column), values[column])];
  for (const [columns, keeps] of [
    [greatest, sql`>=`],
    [least, sql`<=`],
  ] as const) {
    for (const column of columns) {
      const stored = ref(table, column);
      const value = merging.typed(columnOf(table, column), values[column]);
      yield [column, sql`case when ${stored} ${keeps} ${value} then ${stored} else ${value} end`];
    }
  }
  if (version !== undefined) {
    const { column } = version;
    yield [column, sql`coalesce(${ref(table, column)}, 0) + 1`];
  }
  for (const { column, value, columns } of stamps) {
    if (columns === undefined) continue;
    const later = isLater(dialect, table, column, value);
    for (const each of [...columns.filter((name) => Object.hasOwn(values, name)), column]) {
      const sent = merging.typed(columnOf(table, each), values[each]);
      yield [each, sql`case when ${later} then ${ref(table, each)} else ${sent} end`];
    }
  }
}
