/**
 * A transaction that fails again and again would keep its device's queue waiting for ever. So it becomes a dead letter, once it has failed often
 * and for long, and for reasons of its own: outages and contention don't count, and nothing is parked while nothing else can be applied.
 */
import { toWireTransaction } from "../wire/answer.js";
import type { Failure } from "./attempt.js";
import { begin, type TransactionSettings } from "../sql/transaction.js";
import type { Call } from "./call.js";
import type { WritesConfig } from "../config.js";
import type { CrudTransaction } from "../model.js";
import { correlated, type Emit } from "../events.js";
import { countFailure, failuresKeptMs, forgetFailures, isExhausted } from "../sql/attempts.js";
import type { Identity } from "./identity.js";
import type { Principal } from "../pipeline/layers.js";
import type { Verdict } from "./classify.js";
import { sha256 } from "../wire/digest.js";

const hourMs = 3_600_000;
const defaults = { afterHours: 24, attempts: 20 };
/** Without an identity, the same content may be another transaction the day after. */
const anonymousGapMs = 24 * hourMs;
/** Of what this process knows to have failed, and forgets when it is applied. */
const mostKnown = 1_000;

/** None of these rejects: what can't be counted changes no answer. */
interface Parking<P extends Principal, DB> {
  /** Counts a failure that nothing helped against. The verdict on it: the given one; or a fatal one, when it was one too many. */
  failed(verdict: Verdict, failure: Failure, subject: Subject<P, DB>): Promise<Verdict>;
  /** It has been applied: the proof, for others, that things work. */
  applied(subject: Subject<P, DB>): Promise<void>;
  /** It has been recorded. */
  recorded(subject: Subject<P, DB>): Promise<void>;
}

export interface Subject<P extends Principal, DB> {
  readonly transaction: CrudTransaction;
  readonly call: Call<P, DB>;
  readonly identity: Identity | undefined;
}

/** @throws TypeError for thresholds that are none */
export function createParking<P extends Principal, DB>(
  { parking = {} }: WritesConfig<P, DB>,
  settings: TransactionSettings,
  emit: Emit,
): Parking<P, DB> | undefined {
  if (parking === false) return undefined;
  const { afterHours, attempts } = { ...defaults, ...parking };
  if (!(afterHours >= 0 && afterHours < 100_000)) {
    throw new TypeError("parking: `afterHours` must be a number of hours, and not negative.");
  }
  if (!(Number.isSafeInteger(attempts) && attempts >= 2)) {
    throw new TypeError("parking: `attempts` must be a whole number, and at least 2.");
  }
  const threshold = { attempts, afterMs: afterHours * hourMs };
  // A counter needs no stricter isolation than its row's lock.
  const counting = { ...settings, isolation: undefined };
  const known = new Set<string>();
  // By the executor's adapter, which is one for a database.
  const appliedAt = new WeakMap<object, number>();

  /** In a transaction of its own, when the failed one has been rolled back and its connection given back. */
  const count = ({ call, identity }: Subject<P, DB>, content: string): Promise<boolean> => {
    const { database } = call;
    const gapMs = identity === undefined ? anonymousGapMs : failuresKeptMs;
    return begin(database, counting, async (transaction) => {
      const tx = settings.own.on(transaction);
      await countFailure(tx, content, gapMs);
      const at = appliedAt.get(database.getExecutor().adapter);
      const agoMs = at === undefined ? undefined : performance.now() - at;
      return isExhausted(tx, content, threshold, agoMs);
    });
  };

  const forget = async (subject: Subject<P, DB>, content: string): Promise<void> => {
    known.delete(content);
    const { database } = subject.call;
    await begin(database, counting, (tx) => forgetFailures(settings.own.on(tx), content));
  };

  const remember = (content: string): void => {
    known.add(content);
    const [oldest] = known;
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  };

  const quietly = async (subject: Subject<P, DB>, run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      ignored(error, subject);
    }
  };

  const ignored = (error: unknown, { call }: Subject<P, DB>): void => {
    emit({ type: "error", ...correlated(call), during: "parking", error, outcome: "ignored" });
  };

  return {
    failed: async (verdict, failure, subject) => {
      // Before the first operation nothing has failed that is the transaction's own.
      if (verdict.outcome === "fatal" || verdict.passes || failure.during === "begin") {
        return verdict;
      }
      try {
        const content = await contentOf(subject);
        const exhausted = await count(subject, content);
        remember(content);
        if (!exhausted) return verdict;
      } catch (error) {
        ignored(error, subject);
        return verdict;
      }
      const message = `It was tried too often without success. ${verdict.message}`;
      return { outcome: "fatal", errorCode: "RETRIES_EXHAUSTED", message };
    },
    applied: async (subject) => {
      appliedAt.set(subject.call.database.getExecutor().adapter, performance.now());
      // Nearly always: and then nobody computes anything.
      if (known.size === 0) return;
      await quietly(subject, async () => {
        const content = await contentOf(subject);
        if (known.has(content)) await forget(subject, content);
      });
    },
    recorded: (subject) => quietly(subject, async () => forget(subject, await contentOf(subject))),
  };
}

/** Who sends it, and what it is. */
async function contentOf<P extends Principal, DB>({
  transaction,
  call: { principal, clientId, queueId },
  identity,
}: Subject<P, DB>): Promise<string> {
  if (identity !== undefined) return identity.key;
  const sender = [principal.userId, clientId ?? null, queueId ?? null];
  return sha256([sender, toWireTransaction(transaction)]);
}
