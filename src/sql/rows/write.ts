/** Applies changes of rows: each idempotent, inside its scope, and judged by what it did. */
import { LeftScope, type Meaning, Undone } from "../../store/failures.js";
import type { Change, Effect, RunOutcome, UnitOptions, Values } from "../../store/store.js";
import { isSliceOver, nextSlice } from "../../wire/slices.js";
import type { Dialect } from "../dialect.js";
import { bindOnce, createBind } from "../scope/scope.js";
import { isInScopeBefore } from "../select.js";
import type { SqlTable, SqlTransaction, TableOf, Traits } from "../table.js";
import type { Watch } from "../transaction.js";
import { changesOfSlice, createRuns, type Run } from "./runs.js";
import type { Fixed, Target, Texts } from "./target.js";
import { isUnexplained, retryLocked, rowAppeared, wasKeyTaken, writeName } from "./unchanged.js";
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
  /** Sends all changes in one round trip, if possible. Absent: the database does not support it. */
  readonly sendPart:
    | ((run: readonly Change[]) => Promise<readonly Effect[] | undefined>)
    | undefined;
}

/** Writes changes in order, and together if that is asked for and possible. Never rejects. A failure is recorded, so that the transaction is not committed even if somebody catches it. */
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
  { dialect, tx, tableOf, readAnew, watch: { begunAt }, texts }: Writing,
  change: Change,
  mergers?: MergeConditions,
): Promise<Effect> {
  const { op, seenAbsent = false } = change;
  // The port's type hides it, but every table of this store is a `SqlTable`.
  const table = change.table as SqlTable;
  const { traits, lessons, columns } = table;
  // A role that may not change rows may still insert them.
  const neverChanges = change.neverChanges === true || traits?.updatable?.size === 0;
  const locksFirst = (op === "PUT" && neverChanges) || mustLockFirst(table, change);
  const { lockingRows = dialect.rows } = dialect;
  const rows = locksFirst ? lockingRows : dialect.rows;
  const incomplete = op === "PUT" && isIncomplete(change);
  const { values: sent, fixed } = withoutFixed(change, dialect);
  const isKeyPlain = dialect.keyParameter === undefined && !holdsObject(change.key);
  const key = isKeyPlain ? change.key : keyOf(dialect, columns, change.key);
  const values = holdsObject(sent) ? enclosedValues(sent) : sent;
  const isPlain = key === change.key && values === sent && mergers === undefined;
  const { scope, once } = await bindOnce(
    isPlain ? texts : undefined,
    change.scope,
    dialect,
    tableOf,
    table,
  );
  const look = async () => (await readAnew(table.name))?.traits;
  const { name } = table;
  const { operationIndex } = change;
  const target: Target = {
    op,
    operationIndex,
    table: name,
    columns,
    key,
    scope,
    traits,
    lessons,
    begunAt,
    readTraits: look,
    ...(fixed && { fixed }),
    ...mergers,
    ...(once && { once }),
  };
  const before = scope?.before;
  const isIn = before === undefined || (await isInScopeBefore(tx, dialect, target, change, before));
  let effect: Effect;
  if (op === "PUT") {
    const changes: Record<string, unknown> = { ...values };
    for (const name of change.insertOnly ?? []) delete changes[name];
    const put = { values, changes, neverChanges, incomplete, seenAbsent };
    try {
      effect = await rows.put(tx, target, put);
    } catch (error) {
      // If all rows are locked first, there is no upsert.
      const isUpsert = !locksFirst && dialect.lockingRows !== undefined && traits !== undefined;
      throw isUpsert && upsertAsksMore(traits, dialect.meaning(error))
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
  if (locksFirst && lessons.unexplained.size > 0) {
    const wasUnexplained = isUnexplained(target, lessons);
    // It stays unexplained, because a later write of the same transaction may be the one that was meant. But the key of this one was not taken.
    if (wasUnexplained && wasKeyTaken(target) !== undefined)
      lessons.unexplained.set(writeName(target), undefined);
    // Either there was contention, or the policies accept an INSERT but no upsert. Then more such rows may come.
    if (wasUnexplained && op === "PUT" && effect === "written" && traits?.stricterUpsert)
      lessons.lockFirst.add("insert");
  }
  return effect === "written" && !isIn ? "left" : effect;
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

/**
 * Whether an upsert may have been refused although the INSERT or UPDATE alone would be accepted. Policies may accept the INSERT of a row that is not
 * visible yet. If the row exists, it is only changed, but the proposed row may lack a value, violate a CHECK, or be refused by a trigger for INSERT.
 */
function upsertAsksMore(traits: Traits, meaning: Meaning | undefined): boolean {
  switch (meaning) {
    case "permission":
      return traits.stricterUpsert === true;
    case "NOT_NULL_VIOLATION":
      // For a table, this is known before.
      return traits.view === true;
    case "CHECK_VIOLATION":
      return true;
    case "CONSTRAINT_VIOLATION":
      return traits.declining.has("insert");
    default:
      return false;
  }
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
