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
import type { Failure } from "./attempted.js";
import type { Unit } from "../store/store.js";
import type { Call } from "./call.js";
import type { Verdict } from "./classify.js";
import type { Identity } from "./identity.js";

/** What has not failed for so long is not counted any further, and its row is pruned: 30 days. */
export const failuresKeptMs = 30 * 24 * 3_600_000;

const hourMs = 3_600_000;
const defaults = { afterHours: 24, attempts: 20 };
/** Without an identity, the same content may be another transaction the day after. */
const anonymousGapMs = 24 * hourMs;
/** How many of these one process remembers: see `Memory.failing`. */
const mostKnown = 1_000;

/** None of these rejects: a failure that can't be counted changes no answer. */
export interface Parking<P extends Principal> {
  /** Counts a failure that nothing helped against. The verdict on it: the given one; or a fatal one, when it was one too many. */
  failed(verdict: Verdict, failure: Failure, subject: Parked<P>): Promise<Verdict>;
  /** It has been applied or recorded, here or elsewhere: what this process knows of its failures is forgotten. */
  settled(subject: Parked<P>): Promise<void>;
  /** It has been recorded. */
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

  /** In a transaction of its own, when the failed one has been rolled back and its connection given back. */
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
      // Before the first operation nothing has failed that is the transaction's own.
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

/** Who sends it, and what it is. */
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
