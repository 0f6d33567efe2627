/** Write checkpoints: one row for each user's device, which the PowerSync service replicates behind the data. */
import { type Expression, type RawBuilder, sql, type Transaction } from "kysely";
import type { CheckpointKey, CheckpointStore } from "../../store/bookkeeping.js";
import type { Dialect } from "../dialect.js";
import { insertOrChange } from "./rows.js";
import type { OwnTables } from "./tables.js";

/** The largest 64-bit integer. A checkpoint that has reached it no longer increases. */
const largest = sql.raw(String(2n ** 63n - 1n));

export function checkpointStore(tx: Transaction<OwnTables>, dialect: Dialect): CheckpointStore {
  return {
    next: (key) =>
      upsertCheckpoint(
        tx,
        dialect,
        key,
        "1",
        (stored) => sql`case when ${stored} < ${largest} then ${stored} + 1 else ${stored} end`,
      ),
    raise: (key, checkpoint) =>
      upsertCheckpoint(
        tx,
        dialect,
        key,
        checkpoint,
        (stored, sent) => sql`case when ${sent} > ${stored} then ${sent} else ${stored} end`,
      ),
  };
}

/** @returns the number as text: a driver may round it */
async function upsertCheckpoint(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  { id, userId, clientId }: CheckpointKey,
  checkpoint: string,
  change: (stored: Expression<unknown>, sent: Expression<unknown>) => RawBuilder<string>,
): Promise<string> {
  const row = { id, user_id: userId, client_id: clientId, checkpoint };
  const { inserts, types } = dialect;
  const { digits = (column) => sql<string>`cast(${column} as text)` } = types;
  const asText = digits(sql.ref("checkpoint")).as("checkpoint");
  const table = "powersync_checkpoints";
  if (inserts !== undefined) {
    await insertOrChange(dialect, { tx, table, key: ["id"] }, [row], (stored, sent) => ({
      checkpoint: change(stored("checkpoint"), sent("checkpoint")),
    }));
    // The statement above has locked the row, so nobody else can change it in between.
    const found = await tx
      .selectFrom(table)
      .select(asText)
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    return found.checkpoint;
  }
  const found = await tx
    .insertInto(table)
    .values(row)
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet((eb) => ({
        checkpoint: change(eb.ref(`${table}.checkpoint`), eb.ref("excluded.checkpoint")),
      })),
    )
    .returning(asText)
    .executeTakeFirstOrThrow();
  return found.checkpoint;
}
