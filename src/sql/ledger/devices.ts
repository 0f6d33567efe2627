/** The queues that the ledger knows: how many one user may have, and which one is replaced by a new one. */
import { sql, type Transaction } from "kysely";
import { TooManyDevices } from "../../store/failures.js";
import type { DeviceBound } from "../../store/ledger.js";
import type { Dialect } from "../dialect.js";
import { insertMissing } from "../own-tables/rows.js";
import type { Own, OwnTables } from "../own-tables/tables.js";
import { atMost } from "../select.js";

/** The library's own tables in a transaction, and `place`, which says for which of the databases that share them. */
export interface LedgerTables {
  readonly tx: Transaction<OwnTables>;
  readonly own: Own;
  readonly place: string;
}

/**
 * Whether a device's transactions look at the user's account: never; while the user has transactions that are distinguished by their content; or always,
 * because the device's own are.
 */
export const toldStates = { never: 0, whileTelling: 1, always: 2 } as const;

type ToldState = (typeof toldStates)[keyof typeof toldStates];

/** A queue that the ledger knows. */
interface KnownDevice {
  /** It has only sent repeats so far. */
  readonly unsettled: boolean;
  readonly told: ToldState;
}

export async function knownDevice(
  { tx }: Pick<LedgerTables, "tx">,
  queue: string,
): Promise<KnownDevice | undefined> {
  const known = await tx
    .selectFrom("powersync_devices")
    .select(["unsettled", "told"])
    .where("queue", "=", queue)
    .executeTakeFirst();
  return (
    known && { unsettled: Number(known.unsettled) === 1, told: Number(known.told) as ToldState }
  );
}

/** Records that the queue has sent something that is not a repeat. */
export async function settleDevice({ tx }: Pick<LedgerTables, "tx">, queue: string): Promise<void> {
  await tx
    .updateTable("powersync_devices")
    .set({ unsettled: 0 })
    .where("queue", "=", queue)
    .execute();
}

/**
 * Enters a new queue. The user's account must be locked.
 *
 * @returns whether another queue was deleted to make room
 * @throws TooManyDevices
 */
export async function enterDevice(
  ours: LedgerTables,
  dialect: Dialect,
  subject: string,
  device: KnownDevice & { readonly queue: string },
  { most, unseenMs }: Pick<DeviceBound, "most" | "unseenMs"> = unbounded,
): Promise<boolean> {
  if (await insertDevice(ours, dialect, subject, device, most)) return false;
  const gone = await forgetUnseen(ours, dialect, subject, unseenMs);
  if (gone && (await insertDevice(ours, dialect, subject, device, most))) return true;
  throw new TooManyDevices(
    `The caller has ${most} devices in the ledger (ledger.devices), and this one is new. Nothing has been written.`,
  );
}

const unbounded = { most: Infinity, unseenMs: Infinity };

/** `false` if the user has as many as allowed. */
async function insertDevice(
  { tx, own, place }: LedgerTables,
  dialect: Dialect,
  subject: string,
  { queue, unsettled, told }: KnownDevice & { readonly queue: string },
  most: number,
): Promise<boolean> {
  const row = { queue, subject, place, unsettled: Number(unsettled), told };
  const into = { tx, table: "powersync_devices", key: ["queue"] } as const;
  if (most === Infinity) return (await insertMissing(dialect, into, { rows: [row] })) === 1n;
  const some = tx
    .selectFrom(sql<Pick<typeof row, "queue">>`${own.table("powersync_devices")}`.as("device"))
    .select("device.queue")
    .where(sql.ref("device.place"), "=", place)
    .where(sql.ref("device.subject"), "=", subject)
    .$call((query) => atMost(dialect, query, most));
  const select = sql`select ${sql.join(Object.values(row))} from (select count(*) as devices from ${some.as("known")}) as counted where counted.devices < ${sql.lit(most)}`;
  return (await insertMissing(dialect, into, { columns: Object.keys(row), select })) === 1n;
}

/** A queue of the user's that has received no answer for this long. */
async function forgetUnseen(
  { tx, place }: LedgerTables,
  dialect: Dialect,
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
            .where("answered.answered_at", ">=", sql<Date>`${dialect.types.ago(unseenMs)}`),
        ),
      ),
    )
    .$call((query) => atMost(dialect, query, 1))
    .executeTakeFirst();
  if (unseen === undefined) return false;
  await tx.deleteFrom("powersync_ledger").where("queue", "=", unseen.queue).execute();
  const { numDeletedRows } = await tx
    .deleteFrom("powersync_devices")
    .where("queue", "=", unseen.queue)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Marks a user's devices to look at the account, or removes the mark. Marking waits for their transactions that have not looked. */
export async function markDevices(
  { tx, place }: Omit<LedgerTables, "own">,
  subject: string,
  told: 0 | 1,
): Promise<void> {
  await tx
    .updateTable("powersync_devices")
    .set({ told })
    .where("place", "=", place)
    .where("subject", "=", subject)
    .where("told", "=", 1 - told)
    .execute();
}
