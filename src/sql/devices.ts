/** The queues that the ledger knows: how many of a user's there may be, which one gives way to a new one, and how all that is kept of a user goes. */
import { type Expression, sql, type Transaction } from "kysely";
import { TooManyDevices } from "../store/failures.js";
import type { Batch, Claim } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import type { Dialect } from "./dialect.js";
import { forgetLetters } from "./letter-room.js";
import type { OwnTables } from "./tables.js";

/** The library's own tables in a transaction, and which of the databases that share them is meant. */
export interface Ours {
  readonly tx: Transaction<OwnTables>;
  /** The table, for SQL of one's own. */
  readonly devices: Expression<unknown>;
  readonly place: string;
}

/**
 * Enters a queue that may be new. Those that are entered at once don't see each other, so there may be a few more than the bound.
 *
 * @returns whether another one has given way to it
 * @throws TooManyDevices
 */
export async function enterDevice(
  ours: Ours,
  dialect: Dialect,
  {
    queue,
    subject,
    devices: { most, unseenMs } = unbounded,
  }: Pick<Claim, "queue" | "subject" | "devices">,
): Promise<boolean> {
  if (await insertDevice(ours, dialect, queue, subject, most)) return false;
  const known = await ours.tx
    .selectFrom("powersync_devices")
    .select("queue")
    .where("queue", "=", queue)
    .executeTakeFirst();
  if (known !== undefined) return false;
  const gone = await forgetUnseen(ours, dialect, subject, unseenMs);
  if (gone && (await insertDevice(ours, dialect, queue, subject, most))) return true;
  throw new TooManyDevices(
    `The caller has ${most} devices in the ledger (ledger.devices), and this one is new. Nothing has been written.`,
  );
}

const unbounded = { most: Infinity, unseenMs: Infinity, forgotten: () => {} };

/** False: it is there already, or there are as many as may be. */
async function insertDevice(
  { tx, devices, place }: Ours,
  { insertIgnore }: Dialect,
  queue: string,
  subject: string,
  most: number,
): Promise<boolean> {
  const into = tx.insertInto("powersync_devices");
  const insert =
    most === Infinity
      ? into.values({ queue, subject, place })
      : into
          .columns(["queue", "subject", "place"])
          .expression(
            sql<never>`select ${queue}, ${subject}, ${place} from (${sql`select count(*) as devices from (${sql`select device.queue from ${devices} as device where device.place = ${place} and device.subject = ${subject} limit ${sql.lit(most)}`}) as known`}) as counted where counted.devices < ${sql.lit(most)}`,
          );
  const { numInsertedOrUpdatedRows } = await (
    insertIgnore
      ? insert.ignore()
      : insert.onConflict((conflict) => conflict.column("queue").doNothing())
  ).executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** One of a user's, which has been answered nothing for so long. */
async function forgetUnseen(
  { tx, place }: Ours,
  { types }: Dialect,
  subject: string,
  unseenMs: number,
): Promise<boolean> {
  const unseen = await tx
    .selectFrom("powersync_devices as device")
    .select("device.queue")
    .where("device.place", "=", place)
    .where("device.subject", "=", subject)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("powersync_ledger as answered")
            .select("answered.identity")
            .whereRef("answered.queue", "=", "device.queue")
            .where("answered.answered_at", ">=", sql<Date>`${types.ago(unseenMs)}`),
        ),
      ),
    )
    .limit(1)
    .executeTakeFirst();
  if (unseen === undefined) return false;
  await tx.deleteFrom("powersync_ledger").where("queue", "=", unseen.queue).execute();
  const { numDeletedRows } = await tx
    .deleteFrom("powersync_devices")
    .where("queue", "=", unseen.queue)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

const queuesAtOnce = 100;

/** At most `most` rows of a user's letters and ledger; the queues go with the last of their rows. */
export async function forgetUser(
  { tx, place }: Omit<Ours, "devices">,
  dialect: Dialect,
  userId: string,
  most: number,
): Promise<Batch> {
  const subject = await sha256(userId);
  const letters = await forgetLetters({ tx, dialect, place }, subject, most);
  if (letters.found > 0) return letters;
  const devices = await tx
    .selectFrom("powersync_devices")
    .select("queue")
    .where("place", "=", place)
    .where("subject", "=", subject)
    .limit(Math.min(queuesAtOnce, most))
    .execute();
  if (devices.length === 0) return { found: 0, removed: 0 };
  const queues = devices.map(({ queue }) => queue);
  const rows = await tx
    .selectFrom("powersync_ledger")
    .select("identity")
    .where("queue", "in", queues)
    .limit(most)
    .execute();
  if (rows.length > 0) {
    const { numDeletedRows } = await tx
      .deleteFrom("powersync_ledger")
      .where(
        "identity",
        "in",
        rows.map(({ identity }) => identity),
      )
      .executeTakeFirst();
    return { found: rows.length, removed: Number(numDeletedRows) };
  }
  await tx.deleteFrom("powersync_devices").where("queue", "in", queues).execute();
  return { found: devices.length, removed: 0 };
}
