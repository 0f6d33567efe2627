/** Adds a row behind a savepoint: if its table refuses the row, the rest of the transaction is not affected. */
import { CompiledQuery, sql } from "kysely";
import type { Values } from "../store/store.js";
import type { Savepoint, Dialect } from "./dialect.js";
import { enclosedValues, literalNulls } from "./rows/values.js";
import type { SqlTable, SqlTransaction } from "./table.js";

const standardSavepoint: Savepoint = {
  begin: "savepoint powersync_aside",
  undo: "rollback to savepoint powersync_aside",
  end: "release savepoint powersync_aside",
};

/**
 * Inserts the row, unless one with its id exists.
 *
 * @returns why the row was left out
 */
export async function insertBehindSavepoint(
  tx: SqlTransaction,
  { meaning, savepoint = standardSavepoint }: Dialect,
  { name }: SqlTable,
  values: Values,
): Promise<{ readonly error: unknown } | undefined> {
  if (values["id"] !== undefined && (await isThere(tx, name, values["id"]))) return undefined;
  const statement = tx
    .insertInto(name)
    .values(literalNulls(enclosedValues(values)))
    .compile();
  const { begin, undo, end, alone = (each: CompiledQuery) => each } = savepoint;
  // All on the connection itself, so that a failure that was undone does not count as the transaction's failure.
  return tx.getExecutor().provideConnection(async (connection) => {
    await connection.executeQuery(CompiledQuery.raw(begin));
    let failure: { readonly error: unknown } | undefined;
    try {
      await connection.executeQuery(alone(statement));
    } catch (error) {
      if (!isOfTheRow(meaning(error))) throw error;
      failure = { error };
      await connection.executeQuery(CompiledQuery.raw(undo)).catch((undoing: unknown) => {
        throw meaning(undoing) === "other" ? allUndone(name, error, undoing) : undoing;
      });
    }
    if (end !== undefined) await connection.executeQuery(CompiledQuery.raw(end));
    return failure;
  });
}

/** The database ended the whole transaction, as SQL Server does for errors in triggers and for some conversions. */
function allUndone(table: string, error: unknown, undoing: unknown): Error {
  const message = `A row that "${table}" refused has undone the whole transaction.`;
  return new AggregateError([error, undoing], message, { cause: error });
}

async function isThere(tx: SqlTransaction, table: string, id: unknown): Promise<boolean> {
  const found = await tx
    .selectFrom(table)
    .select(sql<number>`1`.as("one"))
    .where("id", "=", id)
    .executeTakeFirst();
  return found !== undefined;
}

/** Meanings in capitals say that the data is refused. */
function isOfTheRow(meaning: string | undefined): boolean {
  return meaning !== undefined && meaning === meaning.toUpperCase();
}
