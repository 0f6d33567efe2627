/**
 * Runs in the careful way: neighboring PUTs of one table in one statement with many rows, if the database has a suitable statement. Any outcome but plain
 * success undoes the unit, which is run again one change after the other, so that nothing is done twice.
 */
import { type CompiledQuery, type RawBuilder, sql, type SqlBool } from "kysely";
import { Undone } from "../../store/failures.js";
import type { Change, Values } from "../../store/store.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import type { Dialect } from "../dialect.js";
import { bindOnce, isSameScope, readsTable } from "../scope/scope.js";
import type { SqlTable, SqlTransaction, TableOf } from "../table.js";
import { keepCompiled } from "./compiled.js";
import { parametersOf, scoped } from "./statements.js";
import type { CompiledOnce, Place, RunStatements, Target, Texts } from "./target.js";
import { enclosedValues } from "./values.js";

interface RunParts {
  readonly dialect: Dialect;
  readonly tx: SqlTransaction;
  readonly tableOf: TableOf;
  readonly texts: Texts;
  /** Whether one statement can make a PUT. */
  isOneStatement(table: SqlTable, change: Change): boolean;
}

/** Neighboring changes that one statement makes. */
export interface Run {
  readonly changes: number;
  /** @throws Undone, and errors of contention with other transactions */
  send(): Promise<void>;
}

/** A change that may be part of a run. */
interface ReadyPut {
  readonly table: SqlTable;
  readonly target: Target;
  readonly once: CompiledOnce;
  /** Changes with the same key may be made by one statement, but each row only once. */
  readonly alike: string;
  readonly row: string;
  readonly values: Values;
  /** The names of the columns that change if the row exists. */
  readonly changed: readonly string[];
  /** The approximate size, in characters. */
  readonly size: number;
}

/** The event loop is released after this many changes. Fewer take too little time to matter. */
export const changesOfSlice = 50;
const mostRows = 1_000;
/** Servers limit the length of a statement. */
const mostCharacters = 200_000;

/** Finds the run that begins at a position among the changes. */
export function createRuns(
  parts: RunParts,
  changes: readonly Change[],
): (at: number) => Promise<Run | undefined> {
  const { runs } = parts.dialect;
  // The change that ends a run is the first one of the next.
  let last: { readonly at: number; readonly ready: ReadyPut | undefined } | undefined;
  const readyAt = async (at: number): Promise<ReadyPut | undefined> => {
    const change = changes[at];
    if (last?.at !== at)
      last = { at, ready: change && (await readyPut(parts, change).catch(() => undefined)) };
    return last.ready;
  };
  return async (at) => {
    if (runs === undefined) return undefined;
    const first = await readyAt(at);
    if (first === undefined) return undefined;
    const columns = Object.keys({ ...first.values, ...first.target.key }).length;
    const most = Math.min(mostRows, Math.floor(runs.mostParameters / columns));
    const run = [first];
    const rows = new Set([first.row]);
    let { size } = first;
    while (run.length < most) {
      if (changes.length > changesOfSlice && isSliceOver()) await nextSlice();
      const next = await readyAt(at + run.length);
      if (next === undefined || next.table !== first.table || next.alike !== first.alike) break;
      size += next.size;
      if (size > mostCharacters || rows.has(next.row) || !isSameScope(first.once, next.once)) break;
      run.push(next);
      rows.add(next.row);
    }
    if (run.length < runs.least) return undefined;
    return { changes: run.length, send: () => sendRun(parts, first, run) };
  };
}

/** `undefined`: the change is made alone. Rejects if the scope can't be bound. */
async function readyPut(
  { dialect, tableOf, texts, isOneStatement }: RunParts,
  change: Change,
): Promise<ReadyPut | undefined> {
  const { op, key, values, insertOnly = [], operationIndex } = change;
  // The port's type hides it, but every table of this store is a `SqlTable`.
  const table = change.table as SqlTable;
  const { traits, lessons, columns, name } = table;
  if (op !== "PUT" || traits?.alike?.has("insert") !== true) return undefined;
  if (!isOneStatement(table, change) || !isNamed(table, change)) return undefined;
  if (!isTaken(dialect.runs, columns, change)) return undefined;
  // In a run, it could not be told which row has another value in a column that is set once.
  if (change.fixed !== undefined && change.fixed.length > 0) return undefined;
  if (enclosedValues(key) !== key || enclosedValues(values) !== values) return undefined;
  if (change.scope !== undefined && readsTable(change.scope, name)) return undefined;
  const { scope, once } = await bindOnce(texts, change.scope, dialect, tableOf, table);
  if (once === undefined || !staysIn(scope, values)) return undefined;
  const target: Target = {
    op,
    operationIndex,
    table: name,
    columns,
    key,
    scope,
    traits,
    lessons,
    begunAt: 0,
    readTraits: async () => traits,
    once,
  };
  const changed = Object.keys(values).filter((each) => !insertOnly.includes(each));
  const alike = JSON.stringify([once.shape, Object.keys(key), Object.keys(values), changed]);
  const row = JSON.stringify(Object.values(key).map(String));
  return {
    table,
    target,
    once,
    alike,
    row,
    values,
    changed,
    size: charactersIn(key) + charactersIn(values),
  };
}

/** Whether the key is one column, and a PUT of an existing row uses up no number of a sequence. */
function isNamed({ columns }: SqlTable, { key, values }: Change): boolean {
  for (const { name, numbered } of columns.values())
    if (numbered !== undefined && !Object.hasOwn(key, name) && !Object.hasOwn(values, name))
      return false;
  return Object.keys(key).length === 1;
}

/** Whether the database's statement takes values of these columns. */
function isTaken(
  { numbered, mustChange }: Partial<RunStatements> = {},
  columns: SqlTable["columns"],
  { key, values, insertOnly = [] }: Change,
): boolean {
  if (mustChange && Object.keys(values).every((name) => insertOnly.includes(name))) return false;
  return (
    numbered === undefined ||
    Object.keys({ ...values, ...key }).every(
      (name) => placeOf(numbered, columns, key, name) !== undefined,
    )
  );
}

function placeOf(
  numbered: NonNullable<RunStatements["numbered"]>,
  columns: SqlTable["columns"],
  key: Values,
  name: string,
): Place | undefined {
  const column = columns.get(name);
  return column && numbered(column, Object.hasOwn(key, name));
}

/** Whether a row that is new, or was its owner's before, is still its owner's after the write. The rest of the scope is checked afterward. */
function staysIn(scope: Target["scope"], values: Values): boolean {
  if (scope === undefined) return true;
  const { parts } = scope;
  if (parts === undefined || parts.more) return false;
  const { owner } = parts;
  if (owner === undefined) return true;
  const given = Object.hasOwn(values, owner.column) ? values[owner.column] : undefined;
  // Bytes have no text form to compare.
  return typeof given !== "object" && given !== undefined && String(given) === String(owner.value);
}

function charactersIn(values: Values): number {
  let size = 0;
  for (const name in values) {
    const value = values[name];
    size += typeof value === "string" || value instanceof Uint8Array ? value.length : 20;
  }
  return size;
}

async function sendRun(
  { dialect, tx }: RunParts,
  { target, once, values, changed }: ReadyPut,
  run: readonly ReadyPut[],
): Promise<void> {
  const { runs, meaning } = dialect;
  if (runs === undefined) return;
  const rows = run.map(({ target: { key }, values: row }) => Object.values({ ...row, ...key }));
  const names = Object.keys({ ...values, ...target.key });
  const keys = run.map(({ target: { key } }) => Object.values(key));
  let isGood: boolean;
  try {
    const put = await spread(runs, once, target, { names, rows }, ["put", names, changed], (at) =>
      runs.put(tx, at, names, changed, rowsHere),
    );
    isGood = runs.isPut(await tx.executeQuery(put), run.length, target);
    // The statement saw other tables as they were before it, and did not check inserted rows.
    if (isGood && target.scope?.rowOnly === false) {
      const asked = { names: Object.keys(target.key), rows: keys };
      const judge = await spread(runs, once, target, asked, ["judged"], (at) => counting(tx, at));
      const { rows: counted } = await tx.executeQuery(judge);
      const [found] = counted as readonly { readonly good: unknown }[];
      isGood = Number(found?.good) === run.length;
    }
  } catch (error) {
    const said = meaning(error);
    // Contention is handled by the caller, and a lost connection can't be used for another try.
    if (said === undefined || passing.has(said)) throw error;
    throw new Undone(error);
  }
  if (!isGood) throw new Undone();
}

const passing: ReadonlySet<string> = new Set(["contention", "busy", "outage"]);

function counting(tx: SqlTransaction, target: Target) {
  const [name = ""] = Object.keys(target.key);
  return scoped(
    tx
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

/** Fills in the rows of a statement that was compiled once. Without numbers, the rows' parameters come before all others, as in the text; with numbers, behind them, because the others have theirs already. */
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
  const unnumbered = names.map(() => "?").join(", ");
  const row = places
    ? () => places.map((place) => place?.(`@${(number += 1)}`)).join(", ")
    : () => unnumbered;
  return {
    ...text,
    sql: `${before}${rows.map(() => `(${row()})`).join(", ")}${behind}`,
    parameters: places ? [...others, ...rows.flat()] : [...rows.flat(), ...others],
  };
}
