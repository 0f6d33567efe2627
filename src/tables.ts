/** Makes the library's own tables. */
import type { Kysely } from "kysely";
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
    const { lockForMigration, types } = dialectOf(tx);
    await lockForMigration(tx as unknown as Connection);
    const table = (name: keyof OwnTables) => {
      const created = tx.schema.createTable(name).ifNotExists();
      return types.options === undefined ? created : created.modifyEnd(types.options);
    };
    await table("powersync_ledger")
      .addColumn("identity", "varchar(64)", (column) => column.primaryKey())
      .addColumn("client", "varchar(64)", (column) => column.notNull())
      .addColumn("answer", types.longText)
      .addColumn("answered_at", types.timestamp, (column) => column.notNull().defaultTo(types.now))
      .execute();
    await table("powersync_dead_letters")
      .addColumn("id", "varchar(36)", (column) => column.primaryKey())
      .addColumn("status", "varchar(16)", (column) => column.notNull().defaultTo("open"))
      .addColumn("error_code", types.text, (column) => column.notNull())
      .addColumn("message", types.text, (column) => column.notNull())
      .addColumn("operation_index", "integer")
      .addColumn("user_id", types.text, (column) => column.notNull())
      .addColumn("client_id", types.text)
      .addColumn("queue_id", types.text)
      .addColumn("identity", "varchar(64)")
      .addColumn("payload", types.longText, (column) => column.notNull())
      .addColumn("created_at", types.timestamp, (column) => column.notNull().defaultTo(types.now))
      .execute();
  });
}
