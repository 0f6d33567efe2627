/** Empties tables between two tests. */
import { type Kysely, MysqlAdapter, sql } from "kysely";

/** In this order. Most of them are empty already: one question tells which are not, and costs less than a DELETE for each. */
export async function empty<DB>(db: Kysely<DB>, tables: readonly string[]): Promise<void> {
  // As a DELETE there does, it waits for who has not committed yet.
  const waiting = db.getExecutor().adapter instanceof MysqlAdapter;
  const lock = waiting ? sql` lock in share mode` : sql``;
  const filled = tables.map(
    // SQL Server has no value that is true.
    (name) =>
      sql`case when exists (select 1 from ${sql.table(name)}${lock}) then 1 else 0 end as ${sql.id(name)}`,
  );
  const { rows } = await sql<Record<string, unknown>>`select ${sql.join(filled)}`.execute(db);
  for (const name of tables) {
    if (Number(rows[0]?.[name]) === 1) await sql`delete from ${sql.table(name)}`.execute(db);
  }
}
