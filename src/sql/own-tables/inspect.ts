/** Whether the library's own tables are as `createTables` makes them, and may be used, for `check()` and `ready()`. */
import { sql } from "kysely";
import type { OwnTable } from "../../config/config.js";
import { ownTablesMissing } from "../../store/failures.js";
import type { OwnTableProblem, OwnTablesUsed } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";
import { sourceTable } from "../schema.js";
import { withLock } from "../select.js";
import type { SqlTransaction } from "../table.js";
import { tableForms } from "./forms.js";
import { columnProblem, readRecord, recordProblem } from "./migrations.js";
import type { Own } from "./tables.js";

const ledgerTables = [
  "powersync_ledger",
  "powersync_devices",
  "powersync_accounts",
  "powersync_named",
] as const;

/** Reads the catalog first, because on some databases a statement that fails ends the transaction. */
export async function inspectOwnTables(
  tx: SqlTransaction,
  dialect: Dialect,
  own: Own,
  { ledger, versions, attempts, checkpoints }: OwnTablesUsed,
  { toWrite = false }: { readonly toWrite?: boolean } = {},
): Promise<readonly OwnTableProblem[]> {
  const on = own.on(tx);
  const sourceOf = (table: OwnTable) => sourceTable(on as unknown as SqlTransaction, table);
  const needed: readonly (keyof typeof tableForms)[] = [
    ...(ledger ? ledgerTables : []),
    ...(versions ? ["powersync_versions" as const] : []),
    "powersync_dead_letters",
    "powersync_letter_parts",
    "powersync_letter_rows",
    ...(attempts ? ["powersync_attempts" as const] : []),
    ...(checkpoints ? ["powersync_checkpoints" as const] : []),
  ];
  const columnsOf = async (table: OwnTable) =>
    (await dialect.readColumns(tx, sourceOf(table))).map(({ name }) => name);
  const problems: OwnTableProblem[] = [];
  for (const table of needed) {
    const columns = await columnsOf(table);
    const lacking = Object.keys(tableForms[table].columns).find((name) => !columns.includes(name));
    if (lacking === undefined) continue;
    const missing = own.nameOf(table);
    problems.push(
      columns.length === 0
        ? { table, missing, message: ownTablesMissing([missing]) }
        : { table, message: columnProblem(own, table, lacking) },
    );
  }
  const record = "powersync_migrations";
  const access = await dialect.access?.(tx, sourceOf(record));
  if ((await columnsOf(record)).length > 0 && access?.readable.has("name") !== false) {
    const message = recordProblem(await readRecord(on), own);
    if (message !== undefined) return [{ table: record, message }];
  }
  if (problems.length > 0) return problems;
  // Without rows, only to get the database's error if a table may not be read, or not be written: locking rows takes the right to change them, and a
  // session that may write.
  const lock = toWrite && dialect.rowLock !== undefined && "behind" in dialect.rowLock;
  for (const table of needed) {
    const nothing = on
      .selectFrom(table)
      .select(sql<number>`1`.as("one"))
      .where(sql<boolean>`1 = 0`);
    await (lock ? withLock(nothing, dialect.rowLock) : nothing).execute();
  }
  return [];
}
