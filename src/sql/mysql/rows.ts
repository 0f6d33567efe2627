/** How MySQL and MariaDB lock and insert a row, and how they write several in one statement. */
import { type CompiledQuery, type RawBuilder, sql, type SqlBool } from "kysely";
import { Contention, NumbersExhausted } from "../../store/failures.js";
import type { Values } from "../../store/store.js";
import type { InsertOutcome, LockingDialect } from "../rows/lock-row.js";
import type { Put, RunStatements, Target } from "../rows/target.js";
import { selectInScope } from "../select.js";
import type { SqlTransaction } from "../table.js";
import { meaning } from "./errors.js";
import { same } from "./operators.js";

export const locking: LockingDialect = {
  lock: () => ({ behind: sql`for update` }),
  returning: false,
  text: (reference) => sql`cast(${reference} as char)`,
  insert,
  same,
};

/** If another transaction has taken the key in the meantime, that is not a violation: the transaction is tried again, and changes the row. */
async function insert(
  tx: SqlTransaction,
  target: Target,
  { values }: Pick<Put, "values">,
): Promise<InsertOutcome> {
  const { table, key, traits } = target;
  const statement = tx
    .insertInto(table)
    .values({ ...values, ...key })
    .compile();
  const mayLook = Object.keys(key).every((name) => traits?.readable?.has(name) !== false);
  const looking = selectInScope(tx, { ...target, scope: undefined });
  // A locking read sees the current row, even if the transaction reads from an older snapshot.
  const look = (traits?.lockable === false ? looking : looking.forUpdate()).compile();
  // Both in one call, so that they count as one failure, after which nothing is sent.
  return tx.getExecutor().provideConnection(async (connection) => {
    try {
      await connection.executeQuery(statement);
      return { count: 1n };
    } catch (error) {
      if (meaning(error) !== "UNIQUE_VIOLATION" || !mayLook) throw error;
      const { rows } = await connection.executeQuery(look);
      if (rows.length > 0)
        throw new Contention("The row has just been inserted by another transaction.");
      // The view does not show the row that has it.
      if (traits?.view && isOfPrimaryKey(error)) return "hidden";
      const last = lastNumber(tx, target, { ...values, ...key });
      if (last !== undefined && (await connection.executeQuery(last)).rows.length > 0) {
        const message = `The table ${table} has given its last number.`;
        throw new NumbersExhausted(message, { cause: error });
      }
      throw error;
    }
  });
}

/** The words around its name are in the server's language. */
function isOfPrimaryKey(error: unknown): boolean {
  return error instanceof Error && /['.]PRIMARY'$/.test(error.message);
}

/** After the last AUTO_INCREMENT number, MySQL assigns it again, and it is taken. Checks for that. `undefined`: the row has its own number. */
function lastNumber(
  tx: SqlTransaction,
  { table, columns }: Target,
  values: Values,
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

/**
 * A condition that fails when it is evaluated, because the sum is above the greatest whole number. To set the key to NULL would not do: an AUTO_INCREMENT
 * column then becomes 0, a TIMESTAMP column may become the time, and a column that takes NULL keeps it, all without an error.
 *
 * @param read reads the row. Otherwise the sum might be computed before it is needed.
 */
const failing = (read: RawBuilder<unknown>) => sql`18446744073709551615 + (1 + (${read}))`;

/**
 * PUTs of one or more rows in one statement. The statement fails, and is undone, if an existing row is outside the scope, or if another unique value than
 * the key is taken.
 */
export const runs: RunStatements = {
  // Even one row is worth it, because it takes three statements otherwise.
  least: 1,
  mostParameters: Infinity,
  assignsKey: true,
  put: (db, { table, key, scope }, columns, changed, rows) => {
    const names = Object.keys(key);
    const proposed = (name: string) => sql`values(${sql.id(name)})`;
    const isSame = (name: string) => sql`${sql.id(name)} <=> ${proposed(name)}`;
    const own = names.map(isSame);
    const good = sql<SqlBool>`${sql.join(scope === undefined ? own : [...own, sql`(${scope.filter})`], sql` and `)}`;
    const [name = ""] = names;
    return db
      .insertInto(table)
      .columns([...columns])
      .expression(sql<never>`values ${rows}`)
      .onDuplicateKeyUpdate({
        // First, because later assignments would change what it reads.
        [name]: sql`if(if(${good}, true, ${failing(isSame(name))}), ${sql.id(name)}, null)`,
        ...Object.fromEntries(
          changed.filter((each) => !names.includes(each)).map((each) => [each, proposed(each)]),
        ),
      });
  },
  isPut: () => true,
};
