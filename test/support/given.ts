/** The rows that are there before a case begins. */
import type { TestDatabase } from "./databases.js";
import { appTableNames } from "./schema.js";
import type { GivenRows } from "./target.js";

export async function insert({ db, given }: TestDatabase, rows: GivenRows): Promise<void> {
  for (const table of appTableNames.toReversed()) {
    for (const row of rows[table] ?? [])
      await db
        .insertInto(table)
        .values(given(row) as never)
        .execute();
  }
}
