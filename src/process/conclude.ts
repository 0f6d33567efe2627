/** Decides what happens to a failed transaction: it stays queued, the client decides, or it is recorded as a dead letter. */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { type Emit, correlated } from "../events/emit.js";
import {
  type FatalResult,
  type RetryableResult,
  retryableResult,
  type TransactionResult,
} from "../model.js";
import type { Targets } from "../pipeline/operation.js";
import type { SchemaTrust } from "../store/tables.js";
import type { Call } from "./call.js";
import { classify, fatalResult, isTriedAgain, type Verdict } from "./classify.js";
import type { Identity } from "./identity.js";
import type { RecordFailure } from "./record.js";
import { withRemedy } from "./explain.js";

interface ConcludeParts<P extends Principal, DB> {
  readonly requiresClientHandling:
    | NonNullable<WritesConfig<P, DB>["deadLetters"]>["requiresClientHandling"]
    | undefined;
  readonly record: RecordFailure<P>;
  readonly emit: Emit;
}

/** A failed transaction, and the verdict on it. */
interface Failed<P extends Principal> {
  readonly verdict: Verdict;
  readonly operationIndex: number | undefined;
  /** The payload for its dead letter. */
  readonly payload: unknown;
  readonly call: Call<P>;
  readonly identity: Identity | undefined;
  /** The letter that it depends on, if any. */
  readonly root?: string;
  readonly targets: Targets | undefined;
}

/** Never rejects. `undefined`: the letter that the transaction depends on has been closed in the meantime. */
type Conclude<P extends Principal> = (failed: Failed<P>) => Promise<TransactionResult | undefined>;

export function createConclude<P extends Principal, DB>({
  requiresClientHandling,
  record,
  emit,
}: ConcludeParts<P, DB>): Conclude<P> {
  return async ({ verdict, operationIndex, payload, call, identity, root, targets }) => {
    if (verdict.outcome === "retryable") return queued(verdict);
    const answer = fatalResult(verdict, operationIndex);
    const ask = call.clientCanHandle ? requiresClientHandling : undefined;
    let clientDecides: boolean | undefined;
    try {
      clientDecides = await ask?.(answer.failedOperation, { ...call.shown, payload });
    } catch (error) {
      const during = "requiresClientHandling";
      emit({ type: "error", ...correlated(call), during, error, outcome: "retryable" });
      return retryableResult("The failure can't be evaluated right now.");
    }
    if (clientDecides) {
      const asking = { ...answer, requiresClientHandling: true };
      return identity?.handling === undefined ? asking : save(asking, call, identity, emit);
    }
    const { about } = verdict;
    const letter = {
      ...(root !== undefined && { root }),
      ...(about && { about }),
      ...(targets && { targets }),
    };
    return record(answer, payload, call, identity, letter);
  };
}

function queued(verdict: Extract<Verdict, { outcome: "retryable" }>): RetryableResult {
  const result = retryableResult(verdict.message, verdict.retryAfterMs);
  return verdict.tooManyDevices ? { ...result, tooManyDevices: true } : result;
}

/**
 * Saves an answer that leaves the decision to the client. A copy that arrives after the client has decided then gets this answer and writes nothing.
 * Without `handling`, such a copy can't be told from a new try, so nothing is saved.
 *
 * @returns the answer once it has been committed, the answer of another attempt that was first, or a retryable one
 */
async function save<P extends Principal>(
  answer: FatalResult,
  call: Call<P>,
  identity: Identity,
  emit: Emit,
): Promise<TransactionResult> {
  const { store, memory, requestBegan } = call;
  const { userId } = call.principal;
  for (let attempt = 1; ; attempt += 1) {
    const schema: SchemaTrust = { since: requestBegan, believed: new Map() };
    const options = { schema, claim: { ...identity, answer } };
    try {
      return await memory.places.unit(
        { userId, operations: 1 },
        store,
        options,
        async ({ earlier }) => earlier ?? answer,
      );
    } catch (error) {
      const during = "requiresClientHandling";
      const outcome = "retryable";
      const remedy = withRemedy(error, during, store);
      emit({ type: "error", ...correlated(call), during, error, outcome, ...remedy });
      const verdict = classify(error, store, false);
      if (await isTriedAgain(verdict, attempt, { ...call, schema }).catch(() => false)) continue;
      return verdict.outcome === "retryable"
        ? queued(verdict)
        : retryableResult("The failure can't be saved right now.");
    }
  }
}
