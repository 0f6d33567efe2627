/**
 * Undoes a discarded write on the device. A PowerSync service sends the row as it is in the database, but the stand-in sends nothing. So the
 * changes are reversed here, without being queued for upload.
 */
import type { PowerSyncDatabase } from "@powersync/web";
import type { QueuedOperation, RejectedWrite } from "../../../src/client/index.js";

export function undoLocally(database: PowerSyncDatabase, { crud }: RejectedWrite): Promise<void> {
  return database.writeTransaction(async (tx) => {
    const { last } = await tx.get<{ last: number }>(
      "SELECT coalesce(max(id), 0) AS last FROM ps_crud",
    );
    for (const operation of crud.toReversed()) {
      // The table is insert-only, so it has no rows on the device.
      if (operation.table === "powersync_mutations") continue;
      for (const statement of opposite(operation)) await tx.execute(...statement);
    }
    await tx.execute("DELETE FROM ps_crud WHERE id > ?", [last]);
  });
}

type Statement = [sql: string, parameters: unknown[]];

/** The statements that reverse an operation, from its previous values. A value that was changed again since is kept. */
function opposite({
  op,
  table,
  id,
  opData,
  previousValues,
}: QueuedOperation): readonly Statement[] {
  const before = (column: string) => previousValues?.[column] ?? null;
  switch (op) {
    case "PUT":
      return [[`DELETE FROM ${table} WHERE id = ?`, [id]]];
    case "PATCH":
      return Object.entries(opData ?? {}).map(([column, value]) => [
        `UPDATE ${table} SET ${column} = ? WHERE id = ? AND ${column} IS ?`,
        [before(column), id, value],
      ]);
    case "DELETE": {
      const columns = ["id", ...Object.keys(previousValues ?? {})];
      const there = `SELECT 1 FROM ${table} WHERE id = ?`;
      return [
        [
          `INSERT INTO ${table} (${columns.join()}) SELECT ${columns.map(() => "?").join()} WHERE NOT EXISTS (${there})`,
          [id, ...columns.slice(1).map(before), id],
        ],
      ];
    }
  }
}
