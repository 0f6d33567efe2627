/** Write checkpoints: one row for each user's device, which the PowerSync service replicates behind the data. */
import { type Expression, type RawBuilder, sql, type Transaction } from "kysely";
import type { CheckpointKey, CheckpointStore } from "../store/checkpoints.js";
import type { Dialect } from "./dialect.js";
import type { OwnTables } from "./tables.js";

/** The largest integer of 64 bits: a checkpoint that has reached it stays. */
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
  { insertIgnore }: Dialect,
  { id, userId, clientId }: CheckpointKey,
  checkpoint: string,
  change: (stored: Expression<unknown>, sent: Expression<unknown>) => RawBuilder<string>,
): Promise<string> {
  const insert = tx
    .insertInto("powersync_checkpoints")
    .values({ id, user_id: userId, client_id: clientId, checkpoint });
  const asText = (type: "text" | "char") =>
    sql<string>`cast(${sql.ref("checkpoint")} as ${sql.raw(type)})`.as("checkpoint");
  if (insertIgnore) {
    const column = sql.ref("checkpoint");
    await insert
      .onDuplicateKeyUpdate({ checkpoint: change(column, sql`values(${column})`) })
      .execute();
    // The row is locked by now: nobody else's number comes between.
    const row = await tx
      .selectFrom("powersync_checkpoints")
      .select(asText("char"))
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    return row.checkpoint;
  }
  const row = await insert
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet((eb) => ({
        checkpoint: change(
          eb.ref("powersync_checkpoints.checkpoint"),
          eb.ref("excluded.checkpoint"),
        ),
      })),
    )
    .returning(asText("text"))
    .executeTakeFirstOrThrow();
  return row.checkpoint;
}
