/** Applies changes of rows: each idempotent, inside its scope, and judged by what it did. */
import { LeftScope, Undone } from "../../store/failures.js";
import type { Change, Effect, RunOutcome, UnitOptions, Values } from "../../store/store.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import type { Dialect } from "../dialect.js";
import { bindOnce, createBind } from "../scope/scope.js";
import { isInScopeBefore } from "../select.js";
import type { SqlTable, SqlTransaction, TableOf, Traits } from "../table.js";
import type { Watch } from "../transaction.js";
import { changesOfSlice, createRuns, type Run } from "./runs.js";
import type { Fixed, Put, Target, Texts } from "./target.js";
import { isUnexplained, learnFrom, retryLocked, rowAppeared, upsertAsksMore } from "./unchanged.js";
import { enclosedValues, keyOf } from "./values.js";

/** Conditions on an existing row, and values that are computed from it. */
export type MergeConditions = Required<Pick<Target, "guards" | "computed">>;

export interface Writing {
  readonly dialect: Dialect;
  readonly tx: SqlTransaction;
  readonly tableOf: TableOf;
  /** Reads the table again. */
  readonly readAnew: (table: string) => Promise<SqlTable | undefined>;
  readonly watch: Watch;
  readonly texts: Texts | undefined;
}

interface Running extends Writing {
  readonly giveWay: UnitOptions["giveWay"];
  readonly together: boolean;
  /** Sends all changes in one round trip, if possible: see `SendPart`. Absent: the database does not support it. */
  readonly sendPart:
    | ((run: readonly Change[]) => Promise<readonly Effect[] | undefined>)
    | undefined;
}

/**
 * Writes changes in order, and several together if the caller allows it and it is possible. Never rejects. A failure is recorded, so that the transaction is
 * not committed even if somebody catches the error.
 */
export async function writeRun(
  { giveWay, together, sendPart, ...writing }: Running,
  run: readonly Change[],
): Promise<RunOutcome> {
  const { watch, texts, dialect, tx, tableOf } = writing;
  const { least = Infinity } = dialect.runs ?? {};
  const runAt =
    together && texts && run.length >= least
      ? createRuns(
          { dialect, db: tx, bind: createBind(texts, dialect, tableOf), least, isOneStatement },
          run,
        )
      : undefined;
  if (together && sendPart && run.length > 1) {
    try {
      const all = await sendPart(run);
      if (all !== undefined) return { effects: all };
    } catch (cause) {
      watch.failure ??= { error: cause };
      return { effects: [], failure: { operationIndex: run[0]?.operationIndex ?? 0, cause } };
    }
  }
  const effects: Effect[] = [];
  // A driver that answers at once never releases the event loop.
  const inSlices = run.length > changesOfSlice;
  for (let change = run[0]; change !== undefined; change = run[effects.length]) {
    if (inSlices && isSliceOver()) await nextSlice();
    const others = giveWay?.();
    if (others !== undefined) await others;
    try {
      const several = await runAt?.(effects.length);
      if (several === undefined) effects.push(await writeOne(writing, change));
      else {
        await sendRun(writing, several);
        for (let more = several.changes; more > 0; more -= 1) effects.push("written");
      }
    } catch (cause) {
      // Not every failure comes from a statement.
      watch.failure ??= { error: cause };
      return { effects, failure: { operationIndex: change.operationIndex, cause } };
    }
  }
  if (effects.includes("left")) watch.failure ??= { error: new LeftScope() };
  return { effects };
}

/** @throws Undone, and errors of contention with other transactions */
async function sendRun({ dialect, tx }: Writing, run: Run): Promise<void> {
  for (const { query, isGood } of run.statements) {
    let good: boolean;
    try {
      good = isGood(await tx.executeQuery(query));
    } catch (error) {
      const said = dialect.meaning(error);
      // Contention is handled by the caller, and a lost connection can't be used for another try.
      if (said === undefined || passing.has(said)) throw error;
      throw new Undone(error);
    }
    if (!good) throw new Undone();
  }
}

const passing: ReadonlySet<string> = new Set(["contention", "busy", "outage"]);

/** Only an object can be an expression, and most rows have none. */
function holdsObject(values: Values): boolean {
  for (const name in values) if (typeof values[name] === "object") return true;
  return false;
}

/** @throws ColumnsFixed, MergeRefused, Contention, and the database's errors */
export async function writeOne(
  writing: Writing,
  change: Change,
  merging?: MergeConditions,
): Promise<Effect> {
  const { dialect, tx } = writing;
  const { op, seenAbsent = false } = change;
  // The port's type hides it, but every table of this store is a `SqlTable`.
  const table = change.table as SqlTable;
  // A role that may not change rows may still insert them.
  const neverChanges = change.neverChanges === true || table.traits?.updatable?.size === 0;
  const locksFirst = (op === "PUT" && neverChanges) || mustLockFirst(table, change);
  const { lockingRows = dialect.rows } = dialect;
  const rows = locksFirst ? lockingRows : dialect.rows;
  const parts = partsOf(change, table, dialect);
  const { values } = parts;
  const put = op === "PUT" ? putOf(change, values, neverChanges) : undefined;
  const target = await targetIn(writing, change, table, parts, merging);
  const before = target.scope?.before;
  const isIn = before === undefined || (await isInScopeBefore(tx, dialect, target, change, before));
  let effect: Effect;
  if (put !== undefined) {
    try {
      effect = await rows.put(tx, target, put);
    } catch (error) {
      throw !locksFirst && upsertAsksMore(dialect, target, error, put.incomplete)
        ? retryLocked(target)
        : error;
    }
  } else {
    effect = await (op === "PATCH"
      ? rows.patch(tx, target, values)
      : isEmpty(values)
        ? rows.remove(tx, target)
        : rows.softDelete(tx, target, values));
    if (seenAbsent && effect !== "absent") throw rowAppeared();
  }
  if (locksFirst) learnFrom(target, effect);
  return effect === "written" && !isIn ? "left" : effect;
}

/** A change as it stands in statements. */
interface Parts {
  readonly key: Values;
  readonly values: Values;
  readonly fixed: Fixed | undefined;
  /** Whether key and values are those of the change. */
  readonly isPlain: boolean;
}

function partsOf(change: Change, { columns }: SqlTable, dialect: Dialect): Parts {
  const { values: sent, fixed } = withoutFixed(change, dialect);
  const isKeyPlain = dialect.keyParameter === undefined && !holdsObject(change.key);
  const key = isKeyPlain ? change.key : keyOf(dialect, columns, change.key);
  const values = holdsObject(sent) ? enclosedValues(sent) : sent;
  return { key, values, fixed, isPlain: key === change.key && values === sent };
}

/** The target of a change in an open transaction. */
async function targetIn(
  { dialect, tableOf, readAnew, watch: { begunAt }, texts }: Writing,
  change: Change,
  table: SqlTable,
  { key, fixed, isPlain }: Parts,
  merging: MergeConditions | undefined,
): Promise<Target> {
  const kept = isPlain && merging === undefined ? texts : undefined;
  const { scope, once } = await bindOnce(kept, change.scope, dialect, tableOf, table);
  const { op, operationIndex } = change;
  const { name, columns, traits, lessons } = table;
  return {
    op,
    operationIndex,
    table: name,
    columns,
    key,
    scope,
    traits,
    lessons,
    begunAt,
    readTraits: async () => (await readAnew(name))?.traits,
    ...(fixed && { fixed }),
    ...merging,
    ...(once && { once }),
  };
}

function putOf(change: Change, values: Values, neverChanges: boolean): Put {
  const { seenAbsent = false, insertOnly = [] } = change;
  const changes = without(values, insertOnly);
  return { values, changes, neverChanges, incomplete: isIncomplete(change), seenAbsent };
}

/** Separates columns that are set once, which must keep their values if the row exists. A PUT also writes them into a new row. */
export function withoutFixed(
  { op, values, fixed = [] }: Change,
  { same }: Pick<Dialect, "same">,
): { readonly values: Values; readonly fixed?: Fixed } {
  if (fixed.length === 0) return { values };
  const isFixed = ([name]: readonly [string, unknown]) => fixed.includes(name);
  const all = Object.entries(values);
  return {
    values: op === "PUT" ? values : Object.fromEntries(all.filter((each) => !isFixed(each))),
    fixed: { values: enclosedValues(Object.fromEntries(all.filter(isFixed))), same },
  };
}

/** Whether an upsert alone can make a PUT, whether the row exists or not. */
export function isOneStatement(table: SqlTable, change: Change): boolean {
  const { neverChanges, seenAbsent } = change;
  if (neverChanges || seenAbsent || table.traits?.updatable?.size === 0) return false;
  return !mustLockFirst(table, change) && !isIncomplete(change);
}

const verbsOf = { PUT: ["insert", "update"], PATCH: ["update"], DELETE: ["delete"] } as const;

/** Whether the row must be locked first: one statement is not enough, or could not tell before why it changed nothing. */
export function mustLockFirst({ traits, lessons }: SqlTable, change: Change): boolean {
  if (traits === undefined) return false;
  const { op, key, values } = change;
  const { rewritten, keys } = traits;
  if (rewritten.size + lessons.lockFirst.size > 0) {
    const verbs = op === "DELETE" && !isEmpty(values) ? verbsOf.PATCH : verbsOf[op];
    for (const verb of verbs) if (rewritten.has(verb) || lessons.lockFirst.has(verb)) return true;
  }
  if (lessons.unexplained.size > 0 && isUnexplained(change, lessons)) return true;
  // A view that does not accept upserts may not count its rows.
  if (keys?.length === 0) return true;
  if (op !== "PUT") return false;
  return traits.partial === true || !mayUpdate(traits, change) || !isKnownKey(traits, key);
}

/** Whether these columns are a key by which an upsert finds its row, so that at most one row has it. Also true where the table's keys are not known. */
export function isKnownKey({ keys }: Traits, key: Values): boolean {
  return keys === undefined || keys.some((each) => isKey(each, key));
}

/** Whether the role may change all that a PUT would: otherwise even a new row is refused. */
function mayUpdate({ updatable }: Traits, { key, values, insertOnly = [] }: Change): boolean {
  if (updatable === undefined) return true;
  let changed = 0;
  for (const column in values) {
    if (insertOnly.includes(column)) continue;
    if (!updatable.has(column)) return false;
    changed += 1;
  }
  // An UPDATE must set something.
  return changed > 0 || Object.keys(key).every((column) => updatable.has(column));
}

/** A copy of the values without these columns. */
export function without(values: Values, names: readonly string[]): Values {
  const others: Record<string, unknown> = { ...values };
  for (const name of names) delete others[name];
  return others;
}

export function isEmpty(values: Values): boolean {
  return Object.keys(values).length === 0;
}

function isKey(columns: readonly string[], key: Values): boolean {
  return columns.length === Object.keys(key).length && columns.every((each) => each in key);
}

/** An INSERT would miss a value that the table requires. */
export function isIncomplete({ table: { columns }, key, values }: Change): boolean {
  for (const { name, nullable, hasDefault, generated } of columns.values()) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    const given = Object.hasOwn(key, name) || (value ?? null) !== null;
    if (!given && !nullable && !hasDefault && !generated) return true;
  }
  return false;
}
