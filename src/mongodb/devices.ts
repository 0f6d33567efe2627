/** The queues that the ledger knows: how many of a user's there may be, and which one gives way to a new one. */
import { TooManyDevices } from "../store/failures.js";
import type { Claim, DeviceBound } from "../store/store.js";
import { dateOf, micros, type Sending } from "./sending.js";

/**
 * Enters a queue that is new, with its user's account written, so that whoever enters another meanwhile begins again.
 *
 * @returns whether another one has given way to it
 * @throws TooManyDevices
 */
export async function enterDevice(
  sending: Sending,
  { queue: _id, subject, devices: bound }: Claim & { readonly queue: string },
  unsettled: boolean,
): Promise<boolean> {
  const { own, on, send } = sending;
  if (bound !== undefined) await countEntered(sending, subject);
  const known =
    bound === undefined
      ? []
      : await send(() =>
          own.devices
            .find(
              { subject },
              { ...on, projection: { _id: 1 }, limit: Math.min(bound.most, mostDevices) },
            )
            .toArray(),
        );
  const full = bound !== undefined && known.length >= bound.most;
  if (full) await forgetUnseen(sending, known, bound);
  await send(() => own.devices.insertOne({ _id, subject, unsettled }, on));
  return full;
}

const mostDevices = 100_000;

async function countEntered({ own, on, send }: Sending, subject: string): Promise<void> {
  const update = { $inc: { entered: 1 }, $setOnInsert: { position: 0, toldAt: null } };
  await send(() => own.accounts.updateOne({ _id: subject }, update, { ...on, upsert: true }));
}

/** One that has been answered nothing for so long. */
async function forgetUnseen(
  { own, on, send, now }: Sending,
  known: readonly { readonly _id: string }[],
  { most, unseenMs }: DeviceBound,
): Promise<void> {
  const since = dateOf(now - unseenMs * micros);
  for (const { _id } of known) {
    const seen = { queue: _id, answeredAt: { $gte: since } };
    if ((await send(() => own.ledger.findOne(seen, on))) !== null) continue;
    await send(() => own.ledger.deleteMany({ queue: _id }, on));
    await send(() => own.devices.deleteOne({ _id }, on));
    return;
  }
  throw new TooManyDevices(
    `The caller has ${most} devices in the ledger (ledger.devices), and this one is new. Nothing has been written.`,
  );
}
