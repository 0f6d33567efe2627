/** An open database transaction, as the port has it. */
import { sql, type Transaction } from "kysely";
import type { TransactionResult } from "../model.js";
import type { Merged } from "../store/change.js";
import { LeftScope, noRowSecurity } from "../store/failures.js";
import type { DatabaseCaller, Unit, UnitOptions } from "../store/store.js";
import type { Inspect, InspectedTable, SchemaTrust, Scope, Table } from "../store/tables.js";
import { letterStore } from "./dead-letters/dead-letters.js";
import type { Dialect } from "./dialect.js";
import type { SendPart } from "./flight/flights.js";
import { pruneNamed } from "./ledger/content.js";
import { forgetUser, pruneLedger, pruneLetters } from "./ledger/retention.js";
import { pruneVersions, versionsIn } from "./ledger/versions.js";
import { attemptStore, pruneAttempts } from "./own-tables/attempts.js";
import { checkpointStore } from "./own-tables/checkpoints.js";
import { inspectOwnTables } from "./own-tables/inspect.js";
import type { Own, OwnTables } from "./own-tables/tables.js";
import { fingerprint, lookUp, readRow } from "./rows/read.js";
import type { Texts } from "./rows/target.js";
import { writeRun } from "./rows/write.js";
import { insertBehindSavepoint } from "./savepoint.js";
import { type ReadTable, readTable, sourceTable } from "./schema.js";
import { bindScope } from "./scope/scope.js";
import type { SourceTable, SqlTable, SqlTransaction, TableOf } from "./table.js";
import { throwFailure, type Watch } from "./transaction.js";

interface UnitParts<DB> {
  readonly tx: Transaction<DB>;
  readonly dialect: Dialect;
  /** The same, for the library's own tables. */
  readonly ours: Transaction<OwnTables>;
  readonly own: Own;
  readonly place: string;
  readonly tableOf: ReadTable;
  readonly schema: SchemaTrust | undefined;
  readonly watch: Watch;
  readonly earlier: TransactionResult | undefined;
  readonly hasLetters: boolean;
  readonly giveWay: UnitOptions["giveWay"];
  readonly together: boolean;
  readonly sendPart: SendPart | undefined;
  /** Absent: no statement is compiled once. */
  readonly texts: Texts | undefined;
}

export function openUnit<DB>({
  tx: given,
  ours,
  dialect,
  own,
  place,
  tableOf: readTableOf,
  schema,
  watch,
  earlier,
  hasLetters,
  giveWay,
  together,
  sendPart,
  texts,
}: UnitParts<DB>): Unit<Transaction<DB>> {
  const tx = given as unknown as SqlTransaction;
  const { begunAt } = watch;
  const trust = schema ?? { since: begunAt };
  let as: DatabaseCaller | undefined;
  const tableOf = (name: string, columns: readonly string[] = []) =>
    readTableOf(tx, name, columns, trust, begunAt, as?.role);
  const readAnew = (name: string) => {
    const anew: SchemaTrust = { since: performance.now(), anew: true };
    return readTableOf(tx, name, [], anew, begunAt, as?.role);
  };
  const throwIfFailed = () => throwFailure(watch);
  const writing = { dialect, tx, tableOf, readAnew, watch, texts };
  /** The library's own tables belong to the login role, also while data is written as another role. */
  const asLogin = async <T>(run: () => Promise<T>): Promise<T> => {
    const caller = as;
    const { rowSecurity } = dialect;
    if (caller?.role === undefined || rowSecurity === undefined) return run();
    await rowSecurity.become(tx, { role: "none", settings: [] });
    const result = await run();
    await rowSecurity.become(tx, caller);
    return result;
  };
  return {
    tx: given,
    earlier,
    hasLetters,
    throwIfFailed,
    become: async (caller) => {
      if (dialect.rowSecurity === undefined) throw noRowSecurity(dialect);
      await dialect.rowSecurity.become(tx, caller);
      as = caller;
    },
    table: tableOf,
    write: (run) =>
      writeRun(
        {
          ...writing,
          giveWay,
          together,
          sendPart:
            sendPart && ((part) => sendPart({ tx, watch, schema: trust, caller: as }, part)),
        },
        run,
      ),
    merge: async (change) => {
      // Loaded when it is used.
      const { mergeOne } = await import("./rows/merge.js");
      const versions = versionsIn({ tx: ours, place }, dialect, asLogin);
      return withFailureKept(watch, () => mergeOne(writing, versions, change));
    },
    read: (table, key, columns) => readRow(tx, dialect, sqlTable(table), key, columns),
    lookUp: (table, match, take) => lookUp(tx, dialect, sqlTable(table), match, take),
    addAside: (table, values) => insertBehindSavepoint(tx, dialect, sqlTable(table), values),
    foreignKeys: (table) => dialect.readForeignKeys(tx, sqlTable(table).source),
    fingerprint: (table, keys, options) => fingerprint(tx, dialect, sqlTable(table), keys, options),
    // Most units need none of these.
    get letters() {
      return letterStore(ours, dialect, place);
    },
    get attempts() {
      return attemptStore(ours, dialect);
    },
    get checkpoints() {
      return checkpointStore(ours, dialect);
    },
    prune: (what, step) => pruners[what](ours, dialect, step),
    forget: (userId, most) => forgetUser({ tx: ours, place }, dialect, userId, most),
    get inspect() {
      return inspectIn(tx, dialect, own, tableOf);
    },
  };
}

/** Also records failures that are not a statement's, and a row that has left its scope: the transaction is then not committed, even if the error is caught. */
async function withFailureKept(watch: Watch, run: () => Promise<Merged>): Promise<Merged> {
  try {
    const merged = await run();
    if (merged.effect === "left") watch.failure ??= { error: new LeftScope() };
    return merged;
  } catch (error) {
    watch.failure ??= { error };
    throw error;
  }
}

const pruners = {
  ledger: pruneLedger,
  named: pruneNamed,
  versions: pruneVersions,
  attempts: pruneAttempts,
  letters: pruneLetters,
};

/** The port's type hides it, but every table of this store is a `SqlTable`. */
function sqlTable(table: Table): SqlTable {
  return table as SqlTable;
}

function inspectIn(tx: SqlTransaction, dialect: Dialect, own: Own, tableOf: TableOf): Inspect {
  return {
    table: async (name): Promise<InspectedTable | undefined> => {
      const table = await readTable(tx, dialect, name);
      if (table === undefined) return undefined;
      const constraints = await dialect.readConstraints(tx, table.source);
      const may = table.traits?.may ?? (await dialect.may?.(tx, table));
      return { ...table, ...constraints, ...(may && { may }), ownerKind: dialect.owners.kind };
    },
    columns: async (tables) =>
      tables.length === 0
        ? []
        : columnNames(
            dialect,
            tx,
            tables.map((name) => sourceTable(tx, name)),
          ),
    scope: (scope) => tryScope(tx, scope, dialect, tableOf),
    ownTables: (used, options) => inspectOwnTables(tx, dialect, own, used, options),
    settings: async (asked) => (await dialect.settings?.(tx, asked)) ?? [],
    policies: async ({ tables, ...inspected }) => {
      if (dialect.rowSecurity === undefined) throw noRowSecurity(dialect);
      const sources = tables.map((name) => sourceTable(tx, name));
      return dialect.rowSecurity.inspect(tx, { ...inspected, tables: sources });
    },
  };
}

/** In groups, because a compound SELECT has a limit. */
async function columnNames(
  dialect: Dialect,
  tx: SqlTransaction,
  tables: readonly SourceTable[],
): Promise<readonly ReadonlySet<string>[]> {
  const found = tables.map(() => new Set<string>());
  for (let first = 0; first < tables.length; first += mostTables) {
    const some = tables.slice(first, first + mostTables);
    const parts = some.map((table, index) => dialect.columnNames(table, first + index));
    const { rows } = await sql<{ nr: number | string | bigint; name: string }>`${sql.join(
      parts,
      sql` union all `,
    )}`.execute(tx.withoutPlugins());
    for (const { nr, name } of rows) found[Number(nr)]?.add(name);
  }
  return found;
}

const mostTables = 100;

/** Tries a scope without reading a row, to see whether the database accepts it. Rejects with the database's error. */
async function tryScope(
  tx: SqlTransaction,
  scope: Scope,
  dialect: Dialect,
  tableOf: TableOf,
): Promise<void> {
  const bound = await bindScope(scope, dialect, tableOf);
  if (bound === undefined) return;
  await tx
    .selectFrom(scope.table)
    .select([sql<number>`1`.as("one")])
    .where(sql<boolean>`1 = 0`)
    .where(bound.filter)
    .execute();
}
