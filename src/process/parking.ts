/**
 * A transaction that fails again and again would hold up its device's queue forever. It therefore becomes a dead letter once it has failed often
 * enough and for long enough, for its own reasons: outages and contention don't count, and nothing is parked while nothing else can be applied.
 */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { type Emit, correlated } from "../events/emit.js";
import { payloadOf } from "../dead-letters/payload.js";
import type { CrudTransaction, InvalidTransaction } from "../model.js";
import { sha256 } from "../wire/serialize.js";
import type { Failure } from "./attempt.js";
import type { Unit } from "../store/store.js";
import type { Call } from "./call.js";
import type { Verdict } from "./classify.js";
import type { Identity } from "./identity.js";

/** A transaction that has not failed for this long (30 days) is counted from 1 again, and its row is pruned. */
export const failuresKeptMs = 30 * 24 * 3_600_000;

const hourMs = 3_600_000;
const defaults = { afterHours: 24, attempts: 20 };
/** Without an identity, the same content may be a different transaction a day later. */
const anonymousGapMs = 24 * hourMs;
/** The most failing transactions that one process remembers: see `Memory.failing`. */
const mostKnown = 1_000;

/** No method rejects: an error while counting does not change the answer. */
export interface Parking<P extends Principal> {
  /** Counts a failure that trying again in the server did not solve. Returns the given verdict, or a fatal one once the thresholds are reached. */
  failed(verdict: Verdict, failure: Failure, subject: Parked<P>): Promise<Verdict>;
  /** Forgets the failures of a transaction that has been applied or recorded, here or elsewhere, if this process has counted any. */
  settled(subject: Parked<P>): Promise<void>;
  /** Forgets the failures of a transaction that has been recorded. */
  recorded(subject: Parked<P>): Promise<void>;
}

/** A transaction that may be parked. */
export interface Parked<P extends Principal> {
  readonly transaction: CrudTransaction | InvalidTransaction;
  readonly call: Call<P>;
  readonly identity: Identity | undefined;
}

/** @throws TypeError for invalid thresholds */
export function createParking<P extends Principal, DB>(
  { parking = {} }: WritesConfig<P, DB>,
  emit: Emit,
): Parking<P> | undefined {
  if (parking === false) return undefined;
  const { afterHours, attempts } = { ...defaults, ...parking };
  if (!(afterHours >= 0 && afterHours < 100_000)) {
    throw new TypeError("parking: `afterHours` must be a number of hours, and not negative.");
  }
  if (!(Number.isSafeInteger(attempts) && attempts >= 2)) {
    throw new TypeError("parking: `attempts` must be a whole number, and at least 2.");
  }
  const threshold = { attempts, afterMs: afterHours * hourMs };

  /** Runs in a database transaction of its own, after the failed one has been rolled back and its connection released. */
  const count = ({ call, identity }: Parked<P>, content: string): Promise<boolean> => {
    const gapMs = identity?.queue === undefined ? anonymousGapMs : failuresKeptMs;
    return plainly(call, async ({ attempts: counts }) => {
      await counts.count(content, gapMs);
      const { appliedAt: at } = call.memory;
      const agoMs = at === undefined ? undefined : performance.now() - at;
      return counts.isExhausted(content, threshold, agoMs);
    });
  };

  const forget = async ({ call }: Parked<P>, content: string): Promise<void> => {
    call.memory.failing.delete(content);
    await plainly(call, (unit) => unit.attempts.forget(content));
  };

  const remember = ({ call }: Parked<P>, content: string): void => {
    const { failing } = call.memory;
    failing.add(content);
    const [oldest] = failing;
    if (failing.size > mostKnown && oldest !== undefined) failing.delete(oldest);
  };

  const quietly = async (subject: Parked<P>, run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      ignored(error, subject);
    }
  };

  const ignored = (error: unknown, { call }: Parked<P>): void => {
    emit({ type: "error", ...correlated(call), during: "parking", error, outcome: "ignored" });
  };

  return {
    failed: async (verdict, failure, subject) => {
      // A failure before the first operation is not the transaction's own.
      if (verdict.outcome === "fatal" || verdict.passes || failure.during === "begin") {
        return verdict;
      }
      try {
        const content = await attemptName(subject);
        const exhausted = await count(subject, content);
        remember(subject, content);
        if (!exhausted) return verdict;
      } catch (error) {
        ignored(error, subject);
        return verdict;
      }
      const message = `It was tried too many times without success. ${verdict.message}`;
      return { outcome: "fatal", errorCode: "RETRIES_EXHAUSTED", message };
    },
    settled: (subject) =>
      quietly(subject, async () => {
        const content = await attemptName(subject);
        if (subject.call.memory.failing.has(content)) await forget(subject, content);
      }),
    recorded: (subject) =>
      quietly(subject, async () => forget(subject, await attemptName(subject))),
  };
}

function plainly<P extends Principal, T>(
  { store, memory, principal: { userId } }: Call<P>,
  work: (unit: Unit) => Promise<T>,
): Promise<T> {
  return memory.places.unit({ userId, operations: 1 }, store, { isolation: "plain" }, work);
}

/** The key to count under: the identity's, or a hash of the sender and the content. */
async function attemptName<P extends Principal>({
  transaction,
  call: {
    principal: { userId },
    clientId,
    queueId,
    store: { place },
  },
  identity,
}: Parked<P>): Promise<string> {
  if (identity?.key !== undefined) return identity.key;
  const sender = [userId, clientId ?? null, queueId ?? null, place];
  return sha256([sender, payloadOf(transaction)]);
}
