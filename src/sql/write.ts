/** Applies changes of rows: each idempotent, inside its scope, and judged by what it did. */
import { sql } from "kysely";
import { LeftScope } from "../store/failures.js";
import type { Change, Effect, RunOutcome, UnitOptions, Values } from "../store/store.js";
import { isSliceOver, nextSlice } from "../wire/slices.js";
import type { Dialect, SqlTable, SqlTransaction, Target } from "./dialect.js";
import { bindScope, enclosedValues, type TableOf } from "./scope.js";
import { appeared } from "./statements.js";
import type { Watch } from "./transaction.js";

interface Writing {
  readonly dialect: Dialect;
  readonly tx: SqlTransaction;
  readonly tableOf: TableOf;
}

interface Running extends Writing {
  readonly watch: Watch;
  readonly giveWay: UnitOptions["giveWay"];
}

/** Fewer changes are written before anybody would notice. */
const changesOfSlice = 50;

/** One after the other. Never rejects. What must not be committed is the transaction's failure, whoever catches it. */
export async function writeRun(
  { watch, giveWay, ...writing }: Running,
  run: readonly Change[],
): Promise<RunOutcome> {
  const effects: Effect[] = [];
  // A driver that answers at once lets nobody else in.
  const inSlices = run.length > changesOfSlice;
  for (const change of run) {
    if (inSlices && isSliceOver()) await nextSlice();
    const others = giveWay?.();
    if (others !== undefined) await others;
    try {
      effects.push(await writeOne(writing, change));
    } catch (cause) {
      // Not every failure is a statement's.
      watch.failure ??= { error: cause };
      return { effects, failure: { operationIndex: change.operationIndex, cause } };
    }
  }
  if (effects.includes("left")) watch.failure ??= { error: new LeftScope() };
  return { effects };
}

async function writeOne({ dialect, tx, tableOf }: Writing, change: Change): Promise<Effect> {
  const { op, table, seenAbsent = false } = change;
  const incomplete = op === "PUT" && isIncomplete(change);
  const [key, values] = [enclosedValues(change.key), enclosedValues(change.values)];
  const scope = change.scope && (await bindScope(change.scope, dialect, tableOf, table));
  const target: Target = { table: table.name, key, scope };
  const { rows } = dialect;
  if (op === "PUT") {
    const changes: Record<string, unknown> = { ...values };
    for (const name of change.insertOnly ?? []) delete changes[name];
    return rows.put(tx, target, {
      values,
      changes,
      incomplete,
      seenAbsent,
      columns: table.columns,
    });
  }
  const effect = await (op === "PATCH"
    ? rows.patch(tx, target, values)
    : Object.keys(values).length > 0
      ? rows.softDelete(tx, target, values)
      : rows.remove(tx, target));
  if (seenAbsent && effect !== "absent") throw appeared();
  return effect;
}

/** An INSERT would miss a value that the table requires. */
function isIncomplete({ table: { columns }, key, values }: Change): boolean {
  for (const { name, nullable, hasDefault, generated } of columns.values()) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    const given = Object.hasOwn(key, name) || (value ?? null) !== null;
    if (!given && !nullable && !hasDefault && !generated) return true;
  }
  return false;
}

/**
 * Adds a row behind a savepoint: what the table's constraints refuse must not cost the transaction.
 *
 * @returns why the row was left out
 */
export async function addAside(
  tx: SqlTransaction,
  { meaning }: Dialect,
  { name }: SqlTable,
  values: Values,
): Promise<{ readonly error: unknown } | undefined> {
  if (values["id"] !== undefined && (await isThere(tx, name, values["id"]))) return undefined;
  const statement = tx.insertInto(name).values(enclosedValues(values)).compile();
  const savepoint = (words: string) => sql.raw(`${words} powersync_aside`).compile(tx);
  const [begin, undo, end] = [
    savepoint("savepoint"),
    savepoint("rollback to savepoint"),
    savepoint("release savepoint"),
  ];
  // All at once: to whoever watches the transaction, a failure that has been undone is none.
  return tx.getExecutor().provideConnection(async (connection) => {
    await connection.executeQuery(begin);
    let failure: { readonly error: unknown } | undefined;
    try {
      await connection.executeQuery(statement);
    } catch (error) {
      if (!isOfTheRow(meaning(error))) throw error;
      failure = { error };
      await connection.executeQuery(undo);
    }
    await connection.executeQuery(end);
    return failure;
  });
}

async function isThere(tx: SqlTransaction, table: string, id: unknown): Promise<boolean> {
  const found = await tx
    .selectFrom(table)
    .select(sql<number>`1`.as("one"))
    .where("id", "=", id)
    .executeTakeFirst();
  return found !== undefined;
}

/** In capitals: it is the data that is refused. */
function isOfTheRow(meaning: string | undefined): boolean {
  return meaning !== undefined && meaning === meaning.toUpperCase();
}
