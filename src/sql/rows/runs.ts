/**
 * Runs: neighboring PUTs of one table in one statement with many rows, if the database has a suitable statement. Any outcome but plain success undoes the
 * unit, which is run again one change after the other, so that nothing is done twice.
 */
import type { Change, Values } from "../../store/store.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import { type Bound, type createBind, isSameScope, readsTable } from "../scope/scope.js";
import type { SqlTable } from "../table.js";
import {
  placeOf,
  type ReadyPut,
  type RunCompiler,
  type RunStatement,
  statementsOfRun,
} from "./run-statements.js";
import type { RunStatements, Target } from "./target.js";
import { areSameNames, enclosedValues, haveSameColumns } from "./values.js";

interface RunParts extends RunCompiler {
  readonly bind: ReturnType<typeof createBind>;
  /** The least number of rows. */
  readonly least: number;
  /** Whether a row may be a run by itself where several rows may not, because of another unique key or a key to the same table. Default false. */
  readonly singles?: boolean;
  /** Whether one statement can make a PUT. */
  isOneStatement(table: SqlTable, change: Change): boolean;
}

/** Neighboring changes that one statement makes. */
export interface Run {
  readonly changes: number;
  /** One, and possibly another that checks what it has written. */
  readonly statements: readonly RunStatement[];
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
    while (!first.isSingle && run.length < most) {
      if (changes.length > changesOfSlice && isSliceOver()) await nextSlice();
      const next = await readyAt(at + run.length);
      if (next === undefined || !isAlike(first, next)) break;
      size += next.size;
      if (size > mostCharacters || rows.has(next.row)) break;
      run.push(next);
      rows.add(next.row);
    }
    if (run.length < parts.least) return undefined;
    return { changes: run.length, statements: await statementsOfRun(parts, first, run) };
  };
}

/** `undefined`: the change is made alone. Rejects if the scope can't be bound. */
async function readyPut(
  { dialect, bind, singles = false, isOneStatement }: RunParts,
  change: Change,
): Promise<ReadyPut | undefined> {
  const { op, key, values, insertOnly = [] } = change;
  // The port's type hides it, but every table of this store is a `SqlTable`.
  const table = change.table as SqlTable;
  const { traits, name } = table;
  if (op !== "PUT" || traits === undefined) return undefined;
  const isSingle = traits.alike?.has("insert") !== true;
  // A trigger for INSERT may run although the row exists, and may change what is written.
  if (isSingle && !(singles && traits.untriggered && !traits.view)) return undefined;
  if (!isNamed(table, change) || !isTaken(dialect.runs, table, change)) return undefined;
  // In a run, it could not be told which row has another value in a column that is set once.
  if (change.fixed !== undefined && change.fixed.length > 0) return undefined;
  if (!isOneStatement(table, change)) return undefined;
  if (enclosedValues(key) !== key || enclosedValues(values) !== values) return undefined;
  if (change.scope !== undefined && readsTable(change.scope, name)) return undefined;
  const { scope, once } = await bind(change.scope, table);
  if (once === undefined) return undefined;
  const target = targetOf(change, table, { scope, once });
  const changed = Object.keys(values).filter((each) => !insertOnly.includes(each));
  const [only] = Object.values(key);
  return {
    table,
    target,
    once,
    isSingle,
    isJudged: scope !== undefined && !(scope.rowOnly && staysIn(scope, values)),
    row: String(only),
    values,
    changed,
    size: charactersIn(key) + charactersIn(values),
  };
}

/** The target of a change that is made by statements alone, without a look at the row before. */
export function targetOf(
  { op, key, operationIndex }: Change,
  { name, columns, traits, lessons }: SqlTable,
  { scope, once }: Bound,
): Target {
  return {
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
    ...(once && { once }),
  };
}

/** Whether one statement can write both rows. */
function isAlike(one: ReadyPut, other: ReadyPut): boolean {
  return (
    one.table === other.table &&
    one.isJudged === other.isJudged &&
    one.once.shape === other.once.shape &&
    isSameScope(one.once, other.once) &&
    haveSameColumns(one.target.key, other.target.key) &&
    haveSameColumns(one.values, other.values) &&
    areSameNames(one.changed, other.changed)
  );
}

/** Whether the key is one column, and a PUT of an existing row uses up no number of a sequence. */
function isNamed({ columns }: SqlTable, { key, values }: Change): boolean {
  for (const { name, numbered } of columns.values())
    if (numbered !== undefined && !Object.hasOwn(key, name) && !Object.hasOwn(values, name))
      return false;
  return Object.keys(key).length === 1;
}

/** Whether the database's statement takes values of these columns, and the role may send it. */
function isTaken(
  { numbered, mustChange, assignsKey }: Partial<RunStatements> = {},
  { columns, traits }: SqlTable,
  { key, values, insertOnly = [] }: Change,
): boolean {
  const { updatable } = traits ?? {};
  if (assignsKey && updatable && !Object.keys(key).every((name) => updatable.has(name)))
    return false;
  if (mustChange && Object.keys(values).every((name) => insertOnly.includes(name))) return false;
  return (
    numbered === undefined ||
    Object.keys({ ...values, ...key }).every(
      (name) => placeOf(numbered, columns, key, name) !== undefined,
    )
  );
}

/** Whether a row that is new, or was its owner's before, is still its owner's after the write. The rest of the scope is checked afterward. */
export function staysIn(scope: Target["scope"], values: Values): boolean {
  if (scope === undefined) return true;
  const { parts } = scope;
  if (parts === undefined || parts.more) return false;
  const { owner } = parts;
  if (owner === undefined) return true;
  const given = Object.hasOwn(values, owner.column) ? values[owner.column] : undefined;
  // Bytes have no text form to compare.
  return typeof given !== "object" && given !== undefined && String(given) === String(owner.value);
}

/** About as long as they are in a statement. */
export function charactersIn(values: Values | readonly unknown[]): number {
  let size = 0;
  for (const value of Object.values(values)) {
    size += typeof value === "string" || value instanceof Uint8Array ? value.length : 20;
  }
  return size;
}
