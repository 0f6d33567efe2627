/** The statements that write the rows of a run: see `runs.ts`. */
import { type CompiledQuery, type QueryResult, type RawBuilder, sql, type SqlBool } from "kysely";
import type { Values } from "../../store/store.js";
import type { Dialect } from "../dialect.js";
import type { SqlDatabase, SqlTable } from "../table.js";
import { keepCompiled } from "./compiled.js";
import { parametersOf, scoped } from "./statements.js";
import type { CompiledOnce, Place, RunStatements, Target } from "./target.js";

/** A change that may be part of a run. */
export interface ReadyPut {
  readonly table: SqlTable;
  readonly target: Target;
  readonly once: CompiledOnce;
  /** No other row may be in the same statement. */
  readonly isSingle: boolean;
  /** Whether another statement has to check that the written row is in its scope. */
  readonly isJudged: boolean;
  /** One statement may write each row only once. */
  readonly row: string;
  readonly values: Values;
  /** The names of the columns that change if the row exists. */
  readonly changed: readonly string[];
  /** The approximate size, in characters. */
  readonly size: number;
}

export interface RunStatement {
  readonly query: CompiledQuery;
  /** Whether the answer shows that all rows have been written, and are in their scope. */
  isGood(answer: QueryResult<unknown>): boolean;
}

export interface RunCompiler {
  readonly dialect: Dialect;
  /** Compiles statements. */
  readonly db: SqlDatabase;
}

export async function statementsOfRun(
  { dialect: { runs }, db }: RunCompiler,
  { target, once, values, changed, isJudged }: ReadyPut,
  run: readonly ReadyPut[],
): Promise<readonly RunStatement[]> {
  if (runs === undefined) return [];
  const rows = run.map(({ target: { key }, values: row }) => Object.values({ ...row, ...key }));
  const names = Object.keys({ ...values, ...target.key });
  const put: RunStatement = {
    query: await spread(runs, once, target, { names, rows }, ["put", names, changed], (at) =>
      runs.put(db, at, names, changed, rowsHere),
    ),
    isGood: (answer) => runs.isPut(answer, run.length, target),
  };
  if (!isJudged) return [put];
  // The statement saw other tables as they were before it, and may not check inserted rows.
  const keys = run.map(({ target: { key } }) => Object.values(key));
  const asked = { names: Object.keys(target.key), rows: keys };
  const judging: RunStatement = {
    query: await spread(runs, once, target, asked, ["judged"], (at) => counting(db, at)),
    isGood: ({ rows: [found] }) =>
      Number((found as { readonly good: unknown } | undefined)?.good) === run.length,
  };
  return [put, judging];
}

function counting(db: SqlDatabase, target: Target) {
  const [name = ""] = Object.keys(target.key);
  return scoped(
    db
      .selectFrom(target.table)
      .select(sql<number>`count(*)`.as("good"))
      .where(sql<SqlBool>`${sql.id(name)} in (${rowsHere})`),
    target,
  );
}

/** The placeholder for any number of rows in a statement that is compiled once. No name contains such characters. */
const mark = "\u0000rows\u0000";
const rowsHere: RawBuilder<never> = sql.raw(mark);

interface Rows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/**
 * Fills in the rows of a statement that was compiled once. If parameters have no numbers, those of the rows come before all others, as in the text. If they
 * have numbers, those of the rows come last, because the others are numbered already.
 */
async function spread(
  { numbered }: RunStatements,
  { texts, table, shape, scope, bindWithPlaceholders }: CompiledOnce,
  target: Target,
  { names, rows }: Rows,
  what: readonly unknown[],
  build: (target: Target) => { compile(): CompiledQuery },
): Promise<CompiledQuery> {
  const { columns, key } = target;
  const form = JSON.stringify(["run", what, shape, Object.keys(key)]);
  const text =
    texts.get(table)?.get(form) ??
    keepCompiled(texts, table, form, build({ ...target, scope: await bindWithPlaceholders() }));
  const [before = "", behind = ""] = text.sql.split(mark);
  const others = parametersOf(text, { scope });
  const places = numbered && names.map((name) => placeOf(numbered, columns, key, name));
  let number = others.length;
  const unnumbered = `(${names.map(() => "?").join(", ")})`;
  const row = places
    ? () => `(${places.map((place) => place?.(`@${(number += 1)}`)).join(", ")})`
    : () => unnumbered;
  return {
    ...text,
    sql: `${before}${rows.map(row).join(", ")}${behind}`,
    parameters: places ? [...others, ...rows.flat()] : [...rows.flat(), ...others],
  };
}

export function placeOf(
  numbered: NonNullable<RunStatements["numbered"]>,
  columns: SqlTable["columns"],
  key: Values,
  name: string,
): Place | undefined {
  const column = columns.get(name);
  return column && numbered(column, Object.hasOwn(key, name));
}
