/** Failed attempts and checkpoints, as the port has them. */
import { Long } from "mongodb";
import type { AttemptStore } from "../store/attempts.js";
import type { CheckpointStore } from "../store/checkpoints.js";
import { escapeText } from "../wire/serialize.js";
import { dateOf, micros, type Sending } from "./sending.js";

export function openAttempts({ own, on, send, now }: Sending): AttemptStore {
  const { attempts, ledger } = own;
  const ago = (ms: number): Date => dateOf(now - ms * micros);
  return {
    count: async (content, gapMs) => {
      const known = await send(() => attempts.findOne({ _id: content }, on));
      const goesOn = known !== null && known.lastAt >= ago(gapMs);
      const row = {
        attempts: goesOn ? known.attempts + 1 : 1,
        firstAt: goesOn ? known.firstAt : dateOf(now),
        previousAt: known?.lastAt ?? null,
        lastAt: dateOf(now),
      };
      await send(() => attempts.replaceOne({ _id: content }, row, { ...on, upsert: true }));
    },
    isExhausted: async (content, threshold, appliedAgoMs) => {
      const failed = await send(() => attempts.findOne({ _id: content }, on));
      const since = failed?.previousAt ?? null;
      if (failed === null || since === null) return false;
      if (failed.attempts < threshold.attempts || failed.firstAt > ago(threshold.afterMs))
        return false;
      if (appliedAgoMs !== undefined && since < ago(appliedAgoMs)) return true;
      return (await send(() => ledger.findOne({ appliedAt: { $gt: since } }, on))) !== null;
    },
    forget: async (content) => {
      await send(() => attempts.deleteOne({ _id: content }, on));
    },
  };
}

/** The largest integer of 64 bits: what is there, stays. */
const largestCheckpoint = 2n ** 63n - 1n;

export function openCheckpoints({ own: { checkpoints }, on, send }: Sending): CheckpointStore {
  const change = async (
    { id: _id, userId, clientId }: Parameters<CheckpointStore["next"]>[0],
    next: (stored: bigint | undefined) => bigint,
  ): Promise<string> => {
    const known = await send(() => checkpoints.findOne({ _id }, on));
    const checkpoint = next(known === null ? undefined : BigInt(known.checkpoint.toString()));
    // Also where it is the same: whoever changes it meanwhile begins again.
    const row = {
      userId: escapeText(userId),
      clientId: escapeText(clientId),
      checkpoint: Long.fromBigInt(checkpoint),
    };
    await send(() => checkpoints.replaceOne({ _id }, row, { ...on, upsert: true }));
    return checkpoint.toString();
  };
  return {
    next: (key) => change(key, (last = 0n) => (last < largestCheckpoint ? last + 1n : last)),
    raise: (key, checkpoint) =>
      change(key, (last) => {
        const sent = BigInt(checkpoint);
        return last === undefined || sent > last ? sent : last;
      }),
  };
}
