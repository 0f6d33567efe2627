/** The rows that are there before a case begins. */
import type { TestDatabase } from "../support/databases.js";
import { appTableNames } from "../support/schema.js";
import type { Case } from "./case.js";

export async function insert(
  { db, given }: TestDatabase,
  rows: NonNullable<Case["given"]>,
): Promise<void> {
  for (const table of appTableNames.toReversed()) {
    for (const row of rows[table] ?? [])
      await db
        .insertInto(table)
        .values(given(row) as never)
        .execute();
  }
}
