/** How SQL Server locks and inserts a row, and how it writes several in one statement. */
import { type CompiledQuery, sql, type SqlBool } from "kysely";
import { Contention } from "../../store/failures.js";
import type { Values } from "../../store/store.js";
import type { RowLock } from "../dialect.js";
import type { InsertOutcome, LockingDialect } from "../rows/lock-row.js";
import type { Put, RunStatements, Target } from "../rows/target.js";
import { literalNulls } from "../rows/values.js";
import { besideTarget, selectInScope, withLock } from "../select.js";
import type { SqlTransaction } from "../table.js";
import { meaning, quotedNames } from "./errors.js";
import { same } from "./operators.js";
import { collationOfColumn, isIdentity } from "./schema.js";

/** Locks the key's range, too, so that nobody else can insert the missing row. */
const rangeLock = { beside: sql`with (updlock, serializable)` } satisfies RowLock;

async function insert(
  tx: SqlTransaction,
  target: Target,
  { values, neverChanges }: Pick<Put, "values" | "neverChanges">,
): Promise<InsertOutcome> {
  const { traits, key } = target;
  // The row was looked for without a lock.
  if (neverChanges && (await rowExists(tx, target))) throw taken();
  const statement = insertStatement(tx, target, { ...values, ...key });
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
  if (traits?.declining.has("insert") && !traits.view && !(await rowExists(tx, target)))
    return { count: 0n };
  return { count: 1n };
}

function taken(cause?: unknown): Contention {
  return new Contention("The row has just been inserted by another transaction.", { cause });
}

async function rowExists(tx: SqlTransaction, target: Target): Promise<boolean> {
  const looking = selectInScope(tx, { ...target, scope: undefined });
  const lock = target.traits?.lockable === false ? undefined : rangeLock;
  return (await withLock(looking, lock).execute()).length > 0;
}

/** An IDENTITY column accepts a value only after `set identity_insert`. */
function insertStatement(
  tx: SqlTransaction,
  { table, columns }: Target,
  values: Values,
): CompiledQuery {
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

/** The driver sends their values in several types, of which NULL is text. Converted, a column has one type in all rows. */
const converted: ReadonlySet<string> = new Set([
  "bit",
  "tinyint",
  "smallint",
  "int",
  "bigint",
  "uniqueidentifier",
]);

/** Their values are sent as Unicode text, which the server converts when it writes them, as it does for a single row. */
const sentAsText: ReadonlySet<string> = new Set([
  "decimal",
  "numeric",
  "float",
  "real",
  "date",
  "time",
  "datetime",
  "datetime2",
  "datetimeoffset",
  "smalldatetime",
  "varchar",
  "nvarchar",
  "json",
]);

/** The source of the rows. */
const sent = "powersync_sent";

/**
 * PUTs of several rows in one MERGE. It locks what the statements for one row lock, and finds each row by the key's index: another kind of join might read, and
 * lock, the whole table. It counts each row that it inserts or changes, and no row outside the scope.
 */
export const runs: RunStatements = {
  least: 2,
  // The server allows 2,100 with the scope's.
  mostParameters: 1_900,
  mustChange: true,
  numbered: (column, isKey) => {
    const { type } = column;
    if (isIdentity(column)) return undefined;
    if (converted.has(type)) return (parameter) => `convert(${type}, ${parameter})`;
    if (!isKey) return sentAsText.has(type) ? (parameter) => parameter : undefined;
    // The documentation does not say that the collation of a VALUES column yields to the key's.
    const collation = collationOfColumn(column);
    if (collation === undefined) return undefined;
    if (type === "nvarchar") return (parameter) => `${parameter} collate ${collation}`;
    // Compared with Unicode text, the key would be converted row by row, without its index.
    return type === "varchar"
      ? (parameter) => `convert(varchar(8000), ${parameter} collate ${collation})`
      : undefined;
  },
  put: (db, { table, key, scope }, columns, changed, rows) => {
    const given = (name: string) => sql`${sql.id(sent, name)}`;
    const names = sql.join(columns.map((name) => sql.id(name)));
    const [own = ""] = Object.keys(key);
    const merge = db
      .withPlugin(besideTarget(rangeLock.beside))
      .mergeInto(table)
      .using(sql<object>`(values ${rows})`.as<typeof sent>(sql`${sql.id(sent)} (${names})`), (on) =>
        on.on(sql<SqlBool>`${sql.ref(`${table}.${own}`)} = ${given(own)}`),
      );
    const found =
      scope === undefined
        ? merge.whenMatched()
        : merge.whenMatchedAnd(sql<SqlBool>`(${scope.filter})`);
    const valuesOf = (some: readonly string[]) =>
      Object.fromEntries(some.map((name) => [name, given(name)]));
    return found
      .thenUpdateSet(valuesOf(changed))
      .whenNotMatched()
      .thenInsertValues(valuesOf(columns))
      .modifyEnd(sql`option (loop join)`);
  },
  isPut: ({ numAffectedRows }, number) => numAffectedRows === BigInt(number),
};
