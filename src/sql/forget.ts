/** Deletes everything that the library keeps about a user. */
import type { Batch } from "../store/bookkeeping.js";
import { sha256 } from "../wire/serialize.js";
import { atMost } from "./at-most.js";
import type { Ours } from "./devices.js";
import { locking } from "./tables.js";
import type { Dialect } from "./dialect.js";
import { forgetLetters } from "./letter-room.js";
import { forgetNamed } from "./named.js";
import { forgetVersions } from "./versions.js";

const queuesAtOnce = 100;

/** Deletes at most `most` rows of a user's letters and ledger. Queues are deleted with the last of their rows. */
export async function forgetUser(
  { tx, place }: Omit<Ours, "devices">,
  dialect: Dialect,
  userId: string,
  most: number,
): Promise<Batch> {
  const subject = await sha256(userId);
  const letters = await forgetLetters({ tx, dialect, place }, subject, most);
  if (letters.found > 0) return letters;
  // Locked first: transactions of these devices that are in progress end before, and their rows are deleted, too.
  const devices = await locking(
    dialect,
    tx
      .selectFrom("powersync_devices")
      .select("queue")
      .where("place", "=", place)
      .where("subject", "=", subject)
      .orderBy("queue")
      .$call((query) => atMost(dialect, query, Math.min(queuesAtOnce, most))),
  ).execute();
  if (devices.length === 0) {
    const versions = await forgetVersions({ tx, place }, dialect, subject, most);
    if (versions.found > 0) return versions;
    return forgetNamed({ tx, place }, dialect, subject, most);
  }
  const queues = devices.map(({ queue }) => queue);
  const rows = await tx
    .selectFrom("powersync_ledger")
    .select("identity")
    .where("queue", "in", queues)
    .$call((query) => atMost(dialect, query, most))
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
