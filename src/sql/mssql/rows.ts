/** How SQL Server locks and inserts a row. */
import { type CompiledQuery, sql } from "kysely";
import { Contention } from "../../store/failures.js";
import type { Values } from "../../store/store.js";
import type { RowLock } from "../dialect.js";
import type { InsertOutcome, LockingDialect } from "../rows/lock-row.js";
import type { Put, Target } from "../rows/target.js";
import { literalNulls } from "../rows/values.js";
import { withLock, selectInScope } from "../select.js";
import type { SqlTransaction } from "../table.js";
import { meaning, quotedNames } from "./errors.js";
import { same } from "./operators.js";
import { isIdentity } from "./schema.js";

/** Locks the key's range, too, so that nobody else can insert the missing row. */
const rangeLock: RowLock = { beside: sql`with (updlock, serializable)` };

async function insert(
  tx: SqlTransaction,
  target: Target,
  { values, neverChanges }: Pick<Put, "values" | "neverChanges">,
): Promise<InsertOutcome> {
  const { traits, key } = target;
  // The row was looked for without a lock.
  if (neverChanges && (await isThere(tx, target))) throw taken();
  const statement = inserting(tx, target, { ...values, ...key });
  // Sent on the connection itself, so that the transaction's failure is the error that is thrown here.
  await tx.getExecutor().provideConnection(async (connection) => {
    try {
      await connection.executeQuery(statement);
    } catch (error) {
      if (meaning(error) === "UNIQUE_VIOLATION" && isOfKey(error, target)) throw taken(error);
      throw error;
    }
  });
  // With an INSTEAD OF trigger, rows are counted as if the statement had been executed.
  if (traits?.declining.has("insert") && !traits.view && !(await isThere(tx, target)))
    return { count: 0n };
  return { count: 1n };
}

function taken(cause?: unknown): Contention {
  return new Contention("The row has just been inserted by another transaction.", { cause });
}

async function isThere(tx: SqlTransaction, target: Target): Promise<boolean> {
  const looking = selectInScope(tx, { ...target, scope: undefined });
  const lock = target.traits?.lockable === false ? undefined : rangeLock;
  return (await withLock(looking, lock).execute()).length > 0;
}

/** An IDENTITY column accepts a value only after `set identity_insert`. */
function inserting(tx: SqlTransaction, { table, columns }: Target, values: Values): CompiledQuery {
  const statement = tx.insertInto(table).values(literalNulls(values)).compile();
  const counts = [...columns.values()].some(
    (column) => isIdentity(column) && Object.hasOwn(values, column.name),
  );
  if (!counts) return statement;
  const on = (word: string) =>
    sql`set identity_insert ${sql.table(table)} ${sql.raw(word)}`.compile(tx).sql;
  return { ...statement, sql: `${on("on")}; ${statement.sql}; ${on("off")}` };
}

/** Whether the violated constraint is the row's key, not another unique one. */
function isOfKey(error: unknown, { traits, key }: Target): boolean {
  const names = error instanceof Error ? quotedNames(error.message) : [];
  const constraint = names.find((name) => traits?.constraints?.has(name) === true);
  const columns = constraint === undefined ? [] : (traits?.constraints?.get(constraint) ?? []);
  const own = Object.keys(key);
  return columns.length === own.length && own.every((name) => columns.includes(name));
}

export const locking: LockingDialect = {
  lock: () => rangeLock,
  returning: false,
  uncounted: true,
  text: (reference) => sql`convert(nvarchar(max), ${reference})`,
  insert,
  same,
};
