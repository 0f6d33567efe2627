/** Makes the library's own tables. */
import { type Kysely, sql } from "kysely";
import { type OwnTables, ownTables } from "./own-tables.js";
import type { Connection } from "./persist/dialect.js";
import { dialectOf } from "./persist/dialects.js";

/**
 * Creates `powersync_ledger` and `powersync_dead_letters` where they are missing, in the connection's default schema.
 * Safe at every start, from many processes at once.
 */
export async function createTables<DB>(db: Kysely<DB>): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const tx = ownTables(transaction);
    await dialectOf(tx).lockForMigration(tx as unknown as Connection);
    await tx.schema
      .createTable("powersync_ledger" satisfies keyof OwnTables)
      .ifNotExists()
      .addColumn("identity", "varchar(64)", (column) => column.primaryKey())
      .addColumn("client", "varchar(64)", (column) => column.notNull())
      .addColumn("answer", "text")
      .addColumn("answered_at", "timestamptz", (column) => column.notNull().defaultTo(sql`now()`))
      .execute();
    await tx.schema
      .createTable("powersync_dead_letters" satisfies keyof OwnTables)
      .ifNotExists()
      .addColumn("id", "varchar(36)", (column) => column.primaryKey())
      .addColumn("status", "varchar(16)", (column) => column.notNull().defaultTo("open"))
      .addColumn("error_code", "text", (column) => column.notNull())
      .addColumn("message", "text", (column) => column.notNull())
      .addColumn("operation_index", "integer")
      .addColumn("user_id", "text", (column) => column.notNull())
      .addColumn("client_id", "text")
      .addColumn("queue_id", "text")
      .addColumn("identity", "varchar(64)")
      .addColumn("payload", "text", (column) => column.notNull())
      .addColumn("created_at", "timestamptz", (column) => column.notNull().defaultTo(sql`now()`))
      .execute();
  });
}
