/** Runs: neighboring changes of one kind on one table, in one statement. Its text is the same for any number of rows. */
import { type RawBuilder, sql, type SqlBool } from "kysely";
import type { Change, Effect, Values } from "../../store/store.js";
import type { Column } from "../../store/tables.js";
import { proposed, scoped } from "../rows/statements.js";
import type { CompiledOnce, Target } from "../rows/target.js";
import { asNumber } from "../select.js";
import type { SqlDatabase, SqlTable } from "../table.js";
import {
  failUnlessWritten,
  type FlightWrite,
  notWrittenAtOnce,
  returnedVerdict,
} from "./statements.js";

/** A change that one statement may make together with others of the same form, but each row only once. */
export interface RunPart {
  readonly row: string;
  readonly once: CompiledOnce;
}

const verbs = { put: "insert", delete: "delete" } as const;

/**
 * `undefined`: the change is made alone. PATCHes are made one by one, because Postgres would scan a small table to join it to a list of rows, which costs
 * more than single statements.
 */
export function runOf(
  { columns, traits }: SqlTable,
  { key }: Change,
  { op, values }: FlightWrite,
  once: CompiledOnce,
): RunPart | undefined {
  if (op !== "put" && op !== "delete") return undefined;
  if (traits?.alike?.has(verbs[op]) !== true || !isCastable(columns, key, values)) return undefined;
  const [[name, value] = ["", undefined]] = Object.entries(key);
  const column = columns.get(name);
  if (column === undefined) return undefined;
  return { row: rowOfKey(column, value), once };
}

/**
 * Types for which a text, cast to the type without its length or digits, means the same as a parameter of the column's own type. The column applies
 * length and digits, as it does for a parameter.
 */
const castable: ReadonlySet<string> = new Set([
  "text",
  "varchar",
  "bpchar",
  "uuid",
  "bool",
  "int2",
  "int4",
  "int8",
  "numeric",
  "float4",
  "float8",
  "json",
  "jsonb",
  "timestamptz",
  "timestamp",
  "date",
  "time",
  "timetz",
  "interval",
]);

/** Whether rows can be identified by this key, and written with these values, as texts. */
function isCastable(columns: ReadonlyMap<string, Column>, key: Values, values: Values): boolean {
  if (Object.keys(key).length !== 1) return false;
  for (const name in key) if (!isCastableColumn(columns.get(name), false)) return false;
  for (const name in values) if (!isCastableColumn(columns.get(name), true)) return false;
  return true;
}

function isCastableColumn(column: Column | undefined, mayBeArray: boolean): boolean {
  return column !== undefined && castable.has(column.type) && (mayBeArray || !column.array);
}

/** One text for each row's key, however it is spelled: otherwise a run could contain a row twice. */
function rowOfKey({ type }: Column, value: unknown): string {
  const text = String(value);
  return type === "uuid" ? text.replace(/[^\da-f]/gi, "").toLowerCase() : text;
}

/** The values as one parameter. `undefined`: one of them is not text. */
export function arrayOf(values: readonly unknown[]): string | undefined {
  const elements: string[] = [];
  let isPlain = true;
  for (const value of values) {
    if (value === null || value === undefined) isPlain = false;
    else if (typeof value === "object" || typeof value === "function") return undefined;
    elements.push(String(value));
  }
  // Most values have nothing to escape, and one test of all of them costs less than a test of each.
  if (isPlain && elements.length > 0 && !/["\\]/.test(elements.join("")))
    return `{"${elements.join('","')}"}`;
  const escaped = elements.map((text, index) =>
    values[index] === null || values[index] === undefined
      ? "NULL"
      : `"${text.replace(/["\\]/g, "\\$&")}"`,
  );
  return `{${escaped.join(",")}}`;
}

interface RunStatementParts {
  readonly db: SqlDatabase;
  readonly target: Target;
  readonly columns: ReadonlyMap<string, Column>;
  /** The placeholder for the number of rows. */
  readonly rows: unknown;
}

const typeOf = ({ type, array }: Column): RawBuilder<unknown> =>
  sql`${sql.id(type)}${array ? sql`[]` : sql``}`;

/** @param values placeholders of arrays */
export function puttingRun(
  { db, target, columns, rows }: RunStatementParts,
  values: Values,
  changes: Values,
): RawBuilder<unknown> {
  const { table, key } = target;
  const places = Object.entries({ ...values, ...key });
  const names = places.map(([name]) => name);
  const arrays = sql.join(places.map(([, array]) => sql`cast(${array} as text[])`));
  const as = sql.join(names.map((_, index) => sql.ref(`v${index}`)));
  const cast = names.map((name, index) => {
    const column = columns.get(name);
    const value = sql.ref(`powersync_run.v${index}`);
    return column === undefined ? value : sql`cast(${value} as ${typeOf(column)})`;
  });
  const statement = db
    .insertInto(table)
    .columns(names)
    .expression(
      sql<never>`select ${sql.join(cast)} from unnest(${arrays}) as powersync_run (${as})`,
    )
    .onConflict((conflict) =>
      scoped(conflict.columns(Object.keys(key)).doUpdateSet(proposed({ key }, changes)), target),
    );
  return failUnlessWritten(statement.returning(returnedVerdict(target)), numberOf(rows));
}

/** A check that all rows of a run are in a scope that reads other tables. */
export function judgingRun({ db, target, columns, rows }: RunStatementParts): RawBuilder<unknown> {
  const { table, scope } = target;
  const ok = scope === undefined ? sql<number>`1` : asNumber(scope.filter);
  const found = db
    .selectFrom(table)
    .select([ok.as("ok")])
    .where(amongKeys(target, columns));
  return failUnlessWritten(found, numberOf(rows));
}

/** Returns the positions of the changes whose rows do not exist, from 1 and separated by commas. */
export function deletingRun({ db, target, columns }: RunStatementParts): RawBuilder<unknown> {
  const { table, key } = target;
  const [[name, keys] = ["", undefined]] = Object.entries(key);
  const statement = scoped(db.deleteFrom(table).where(amongKeys(target, columns)), target);
  const column = columns.get(name);
  const type = column === undefined ? sql`text` : typeOf(column);
  const there = db
    .selectFrom(table)
    .select([sql<number>`1`.as("one")])
    .where(sql<SqlBool>`${sql.id(name)} = powersync_asked.key`);
  return sql`with powersync_written as (${statement.returning([sql`${sql.id(name)}`.as("key")])}),
    powersync_missing as (
      select nr, exists ${there} as there from unnest(cast(${keys} as ${type}[])) with ordinality as powersync_asked (key, nr)
      where not exists (select from powersync_written where powersync_written.key = powersync_asked.key)
    )
    select case when count(*) filter (where there) = 0 then coalesce(string_agg(cast(nr as text), ','), '') else cast(${notWrittenAtOnce} as text) end from powersync_missing`;
}

/** The effect of the change at this position, from 0. */
export function effectInRun(missing: string | null | undefined, place: number): Effect {
  return missing && `,${missing},`.includes(`,${place + 1},`) ? "absent" : "written";
}

function amongKeys({ key }: Target, columns: ReadonlyMap<string, Column>) {
  const [[name, keys] = ["", undefined]] = Object.entries(key);
  const column = columns.get(name);
  const type = column === undefined ? sql`text` : typeOf(column);
  return sql<SqlBool>`${sql.id(name)} = any(cast(${keys} as ${type}[]))`;
}

function numberOf(rows: unknown): RawBuilder<unknown> {
  return sql`cast(${rows} as integer)`;
}
