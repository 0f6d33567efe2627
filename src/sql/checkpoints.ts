/** Write checkpoints: one row for each user's device, which the PowerSync service replicates behind the data. */
import { type Expression, type RawBuilder, sql, type Transaction } from "kysely";
import type { OwnTables } from "./tables.js";
import { dialectOf } from "./dialects.js";

/** Whose it is. */
export interface CheckpointKey {
  /** Of user and client: hex SHA-256. */
  readonly id: string;
  readonly userId: string;
  readonly clientId: string;
}

/** The largest integer of 64 bits: what is there, stays. */
export const largestCheckpoint = 2n ** 63n - 1n;

/** Counts up. Whoever counts at the same time waits, and gets another number. */
export function nextCheckpoint(tx: Transaction<OwnTables>, key: CheckpointKey): Promise<string> {
  const largest = sql.raw(String(largestCheckpoint));
  return upsert(
    tx,
    key,
    "1",
    (stored) => sql`case when ${stored} < ${largest} then ${stored} + 1 else ${stored} end`,
  );
}

/** Raises it to the number, unless it is as high already. */
export function raiseCheckpoint(
  tx: Transaction<OwnTables>,
  key: CheckpointKey,
  checkpoint: string,
): Promise<string> {
  return upsert(
    tx,
    key,
    checkpoint,
    (stored, sent) => sql`case when ${sent} > ${stored} then ${sent} else ${stored} end`,
  );
}

/** @returns the number as text: a driver may round it */
async function upsert(
  tx: Transaction<OwnTables>,
  { id, userId, clientId }: CheckpointKey,
  checkpoint: string,
  change: (stored: Expression<unknown>, sent: Expression<unknown>) => RawBuilder<string>,
): Promise<string> {
  const insert = tx
    .insertInto("powersync_checkpoints")
    .values({ id, user_id: userId, client_id: clientId, checkpoint });
  const asText = (type: "text" | "char") =>
    sql<string>`cast(${sql.ref("checkpoint")} as ${sql.raw(type)})`.as("checkpoint");
  if (dialectOf(tx).insertIgnore) {
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
