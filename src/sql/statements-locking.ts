/**
 * Row statements for databases where an upsert fires on any unique key, or nothing can be returned: the row is locked and judged, then changed.
 * Meant for READ COMMITTED, where the lock on a row that is not there locks no gap.
 */
import { type CompiledQuery, sql } from "kysely";
import { Contention, NumbersExhausted } from "../store/failures.js";
import type { Effect, Values } from "../store/store.js";
import type { Meaning } from "../store/failures.js";
import type { Put, RowStatements, SqlTransaction, Target } from "./dialect.js";
import { appeared, isRow, nonEmpty, probe, probing } from "./statements.js";

export function lockingRows(meaning: (error: unknown) => Meaning | undefined): RowStatements {
  return {
    put: async (tx, target, { values, changes, seenAbsent, columns }) => {
      const stored = await probe(tx, target, true);
      if (seenAbsent && stored !== "absent") throw appeared();
      if (stored === "foreign") return "foreign";
      if (stored === "written") await update(tx, target, changes);
      else await insert(tx, target, { values, columns }, meaning);
      return after(tx, target);
    },
    patch: async (tx, target, values) => {
      if (target.scope === undefined) return update(tx, target, values);
      const stored = await probe(tx, target, true);
      if (stored !== "written") return stored;
      await update(tx, target, values);
      return after(tx, target);
    },
    softDelete: (tx, target, values) => judgedFirst(tx, target, () => update(tx, target, values)),
    remove: (tx, target) =>
      judgedFirst(tx, target, async () => {
        const { numDeletedRows } = await tx
          .deleteFrom(target.table)
          .where(isRow(target))
          .executeTakeFirst();
        return numDeletedRows > 0n ? "written" : "absent";
      }),
  };
}

async function judgedFirst(
  tx: SqlTransaction,
  target: Target,
  statement: () => Promise<Effect>,
): Promise<Effect> {
  const stored = target.scope === undefined ? "written" : await probe(tx, target, true);
  return stored === "written" ? statement() : stored;
}

async function update(tx: SqlTransaction, target: Target, values: Values): Promise<Effect> {
  const { numUpdatedRows } = await tx
    .updateTable(target.table)
    .set(nonEmpty(target.key, values))
    .where(isRow(target))
    .executeTakeFirst();
  // A driver may count only the rows that are other than before (mysql2 without its flag FOUND_ROWS).
  return numUpdatedRows > 0n ? "written" : probe(tx, { ...target, scope: undefined });
}

/** A key that another transaction has taken in the meantime is not a violation: then there is a row to change, and the transaction is tried again. */
async function insert(
  tx: SqlTransaction,
  target: Target,
  { values, columns }: Pick<Put, "values" | "columns">,
  meaning: (error: unknown) => Meaning | undefined,
): Promise<void> {
  const statement = tx
    .insertInto(target.table)
    .values({ ...values, ...target.key })
    .compile();
  // A lock sees the newest row, also where the transaction reads from an older snapshot.
  const look = probing(tx, { ...target, scope: undefined }, true).compile();
  // Both at once: to whoever watches the transaction the failure is one, and nothing is sent after it.
  await tx.getExecutor().provideConnection(async (connection) => {
    try {
      await connection.executeQuery(statement);
    } catch (error) {
      if (meaning(error) !== "UNIQUE_VIOLATION") throw error;
      const { rows } = await connection.executeQuery(look);
      if (rows.length > 0)
        throw new Contention("The row has just been inserted by another transaction.");
      const last = lastNumber(tx, target, { ...values, ...target.key }, columns);
      if (last !== undefined && (await connection.executeQuery(last)).rows.length > 0) {
        const message = `The table ${target.table} has given its last number.`;
        throw new NumbersExhausted(message, { cause: error });
      }
      throw error;
    }
  });
}

/** MySQL goes on giving the last number, which is taken. Looks whether it is; `undefined` where the row has brought its own. */
function lastNumber(
  tx: SqlTransaction,
  { table }: Target,
  values: Values,
  columns: Put["columns"],
): CompiledQuery | undefined {
  for (const { name, numbered } of columns.values()) {
    if (numbered === undefined || Object.hasOwn(values, name)) continue;
    return tx
      .selectFrom(table)
      .select(sql<number>`1`.as("one"))
      .where(sql.id(name), "=", numbered.end)
      .limit(1)
      .compile();
  }
  return undefined;
}

async function after(tx: SqlTransaction, target: Target): Promise<Effect> {
  if (target.scope === undefined) return "written";
  return (await probe(tx, target)) === "written" ? "written" : "left";
}
