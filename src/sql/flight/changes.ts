/** The statements for a flight's changes, in order: one for each change, or for a run of neighboring changes. */
import type { CompiledQuery } from "kysely";
import type { Change, Effect, FlightOptions, Values } from "../../store/store.js";
import type { Scope } from "../../store/tables.js";
import { sha256 } from "../../wire/serialize.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import type { Dialect } from "../dialect.js";
import { changesOfSlice, targetOf } from "../rows/runs.js";
import { compileOnce } from "../rows/statements.js";
import type { Target, Texts } from "../rows/target.js";
import { haveSameColumns } from "../rows/values.js";
import { isEmpty, isIncomplete, mustLockFirst, without, withoutFixed } from "../rows/write.js";
import type { KnownTable } from "../schema.js";
import { type Bound, bindOnce, isSameScope, readsTable } from "../scope/scope.js";
import type { SqlDatabase, SqlTable } from "../table.js";
import {
  arrayOf,
  deletingRun,
  effectInRun,
  judgingRun,
  puttingRun,
  runOf,
  type RunPart,
} from "./runs.js";
import {
  type FlightWrite,
  isJudgedAfter,
  type StatementForm,
  statementForms,
} from "./statements.js";

export interface ChangesParts {
  readonly db: SqlDatabase;
  readonly dialect: Dialect;
  readonly known: KnownTable;
  readonly texts: Texts;
}

export interface ChangeStatement {
  readonly query: CompiledQuery;
  /** Identifies the columns of its tables: see `StatementNaming`. */
  readonly form: string;
  /** Reads from the answer what happened to changes that may not have been written. */
  readonly effects?: readonly {
    readonly change: number;
    of(answer: string | null | undefined): Effect;
  }[];
}

/** A change that one statement can make. */
interface ReadyChange {
  readonly index: number;
  readonly table: SqlTable;
  readonly target: Target;
  readonly write: FlightWrite;
  readonly form: string;
  /** Absent: the change is made alone. */
  readonly run?: RunPart;
}

/** A table's scope, bound once for all changes of a transaction that have the same scope. */
interface BoundOnce {
  readonly given: Scope | undefined;
  readonly bound: Bound;
  readonly form: string;
  /** Then the write of one row can change the judgment of the next. */
  readonly readsItself: boolean;
}

const mostOfRun = 1_000;

/**
 * `undefined`: one of the changes can't be made by a single statement, or its outcome could not be told.
 *
 * @param from the number of the first change, in the flight
 */
export async function statementsOfChanges(
  parts: ChangesParts,
  options: FlightOptions,
  changes: readonly Change[],
  from: number,
): Promise<readonly ChangeStatement[] | undefined> {
  const statements: ChangeStatement[] = [];
  const inSlices = changes.length > changesOfSlice;
  let run: ReadyChange[] = [];
  let rows = new Set<string>();
  const scopes = new Map<SqlTable, BoundOnce>();
  const end = async () => {
    const together = run.length > 1 ? await compiledTogether(parts, run) : undefined;
    if (together !== undefined) statements.push(...together);
    else for (const each of run) statements.push(...(await compiledAlone(parts, each)));
    run = [];
    rows = new Set();
  };
  for (const [index, change] of changes.entries()) {
    if (inSlices && isSliceOver()) await nextSlice();
    // The port's type hides it, but every table of this store is a `SqlTable`.
    const table = change.table as SqlTable;
    let last = scopes.get(table);
    if (last === undefined || last.given !== change.scope) {
      const now = await boundNow(parts, options, change.scope, table);
      if (now === undefined) return undefined;
      const readsItself =
        change.scope !== undefined && readsTable(change.scope, change.scope.table);
      last = { given: change.scope, ...now, readsItself };
      scopes.set(table, last);
    }
    const ready = readyChange(parts.dialect, change, table, last, from + index);
    if (ready === undefined) return undefined;
    const [first] = run;
    const joins =
      first?.run !== undefined &&
      ready.run !== undefined &&
      first.table === ready.table &&
      isAlike(first, ready) &&
      first.run.once.shape === ready.run.once.shape &&
      isSameScope(first.run.once, ready.run.once) &&
      !rows.has(ready.run.row) &&
      run.length < mostOfRun;
    if (!joins) await end();
    run.push(ready);
    if (ready.run !== undefined) rows.add(ready.run.row);
  }
  await end();
  return statements;
}

function readyChange(
  dialect: Dialect,
  change: Change,
  table: SqlTable,
  { bound, form, readsItself }: BoundOnce,
  index: number,
): ReadyChange | undefined {
  const { values, fixed } = withoutFixed(change, dialect);
  const write = writeOf(table, change, values);
  if (write === undefined) return undefined;
  const plain = targetOf(change, table, bound);
  const target = fixed === undefined ? plain : { ...plain, fixed };
  const { once } = bound;
  const run =
    fixed === undefined && once !== undefined && !readsItself
      ? runOf(table, change, write, once)
      : undefined;
  return { index, table, target, write, form, ...(run && { run }) };
}

/** `undefined`: it reads a table that is not known right now, or something must be asked of it before the write. */
async function boundNow(
  { dialect, known, texts }: ChangesParts,
  { schema, caller }: FlightOptions,
  scope: Scope | undefined,
  table: SqlTable,
): Promise<Pick<BoundOnce, "bound" | "form"> | undefined> {
  let isKnown = true;
  const tables = new Set([table]);
  const tableOf = async (name: string, columns: readonly string[] = []) => {
    const found = known(name, columns, schema, caller?.role);
    if (found === undefined) isKnown = false;
    else tables.add(found);
    return found;
  };
  const bound = await bindOnce(texts, scope, dialect, tableOf, table);
  if (!isKnown || bound.scope?.before !== undefined) return undefined;
  const forms = await Promise.all(Array.from(tables, formOf));
  return { bound, form: forms.join(" ") };
}

const knownForms = new WeakMap<SqlTable, string>();

/** A short digest of the table's columns, as they were read. */
async function formOf(table: SqlTable): Promise<string> {
  const known = knownForms.get(table);
  if (known !== undefined) return known;
  const form = (await sha256([...table.columns.values()])).slice(0, 16);
  knownForms.set(table, form);
  return form;
}

const none: Values = {};

function writeOf(table: SqlTable, change: Change, values: Values): FlightWrite | undefined {
  const { op, insertOnly = [] } = change;
  if (table.traits === undefined || mustLockFirst(table, change)) return undefined;
  if (op === "DELETE")
    return { op: isEmpty(values) ? "delete" : "softDelete", values, changes: none };
  if (op === "PATCH") return { op: "update", values, changes: none };
  if (change.neverChanges || change.seenAbsent || table.traits.updatable?.size === 0)
    return undefined;
  const changes = insertOnly.length === 0 ? values : without(values, insertOnly);
  // If the values are not enough for a new row, the row should exist.
  return isIncomplete(change)
    ? { op: "update", values: changes, changes: none }
    : { op: "put", values, changes };
}

/** Whether two changes of one table have the same statement, except for the scope and the rows. */
function isAlike(
  { write: one, target: { key } }: ReadyChange,
  { write: other, target }: ReadyChange,
): boolean {
  return (
    one.op === other.op &&
    haveSameColumns(key, target.key) &&
    haveSameColumns(one.values, other.values) &&
    haveSameColumns(one.changes, other.changes)
  );
}

async function compiledAlone(
  { db }: ChangesParts,
  { target, write, form, index }: ReadyChange,
): Promise<readonly ChangeStatement[]> {
  const { once } = target;
  const statements: ChangeStatement[] = [];
  for (const { what, columns, build, effect } of statementForms(target, write)) {
    const query =
      once === undefined
        ? build(db, target, columns).compile(db)
        : await compileOnce(target, once, `flight ${what}`, columns, (at, given) => ({
            compile: () => build(db, at, given).compile(db),
          }));
    statements.push({ query, form, ...(effect && { effects: [{ change: index, of: effect }] }) });
  }
  return statements;
}

/** `undefined`: one of the values can't be part of a list of texts. */
async function compiledTogether(
  { db }: ChangesParts,
  run: readonly ReadyChange[],
): Promise<readonly ChangeStatement[] | undefined> {
  const [first] = run;
  if (first?.run === undefined) return undefined;
  const { table, write, target, form } = first;
  const { once } = first.run;
  const arrays = (of: (ready: ReadyChange) => Values): Record<string, unknown> | undefined => {
    const columns: [string, unknown][] = [];
    for (const name of Object.keys(of(first))) {
      const array = arrayOf(run.map((ready) => of(ready)[name]));
      if (array === undefined) return undefined;
      columns.push([name, array]);
    }
    return Object.fromEntries(columns);
  };
  const key = arrays((ready) => ready.target.key);
  const values = arrays((ready) => ready.write.values);
  if (key === undefined || values === undefined) return undefined;
  const together: Target = { ...target, key };
  /** The number of rows is a parameter, too. Its name is empty, as no column's is. */
  const filled = async (
    what: string,
    columns: Values,
    build: (
      parts: Parameters<typeof judgingRun>[0],
      columns: Values,
    ) => ReturnType<StatementForm["build"]>,
  ) =>
    compileOnce(together, once, `run ${what}`, { ...columns, "": run.length }, (at, given) => ({
      compile: () => {
        const { "": rows, ...rest } = given;
        return build({ db, target: at, columns: table.columns, rows }, rest).compile(db);
      },
    }));
  if (write.op === "delete") {
    const query = await filled("delete", {}, deletingRun);
    const effects = run.map(({ index }, place) => ({
      change: index,
      of: (answer: string | null | undefined) => effectInRun(answer, place),
    }));
    return [{ query, form, effects }];
  }
  const changes = JSON.stringify(Object.keys(write.changes));
  const put = await filled(`put${changes}`, values, (parts, given) =>
    puttingRun(parts, given, write.changes),
  );
  return isJudgedAfter(target)
    ? [
        { query: put, form },
        { query: await filled("judged", {}, judgingRun), form },
      ]
    : [{ query: put, form }];
}
