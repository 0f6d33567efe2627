/**
 * Retries a letter with its chain: in order, each letter as the user who sent it. The letters that can be applied are applied and closed in one
 * database transaction. The first letter that can't be applied stays open, and so do all letters after it.
 */
import type { Principal } from "../context.js";
import { isBadRequest } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import { announceMissing } from "../pipeline/persist.js";
import type { Database } from "../process/call.js";
import {
  classify,
  inUnit,
  isTriedAgain,
  tellServerValue,
  type Verdict,
} from "../process/classify.js";
import { withColumns } from "../process/explain.js";
import { type NamedRow, rowName } from "../store/letters.js";
import type { Store } from "../store/store.js";
import type { SchemaTrust } from "../store/tables.js";
import {
  applyChain,
  type ChainCall,
  type ChainOutcome,
  type ChainProgress,
  type RetryParts,
} from "./chain.js";
import type { PutRow } from "./dependants.js";
import { type ChainRetry, createCallsOf } from "./senders.js";
import { isOpen, type NoChain, notOpenAnswer } from "./state.js";
import type { ChainReport, RetryOptions, RetryResult } from "./types.js";

/** Rejects with `badRequest` if `as` is not the letter's user. Every other failure is a result. */
type RetryLetter<P extends Principal> = (
  database: Database,
  id: string,
  options: Pick<RetryOptions<P>, "force" | "as" | "version">,
) => Promise<RetryResult>;

type FailedRetry = Extract<RetryResult, { status: "failed" }>;
type RetryFailure = Omit<FailedRetry, "status" | "dependants">;

/** The result of retrying a chain. */
interface Retried {
  /** The letters that were applied, in order. */
  readonly ids: string[];
  /** How many letters still wait. */
  waiting: number;
  /** The letter that could not be applied. */
  stop?: RetryFailure & { readonly id: string };
  /** Why nothing was tried. */
  readonly instead?: {
    readonly kind: NoChain["kind"] | "stale";
    readonly rows?: readonly NamedRow[];
  };
}

/** How many times a chain is read again because others have changed it. */
const mostRounds = 5;

const moved: RetryFailure = {
  retryable: true,
  message: "Others are handling this letter right now.",
};

const dependentFailure: RetryFailure = {
  retryable: false,
  errorCode: "DEPENDS_ON_DEAD_LETTER",
  message: "It needs a row that another dead letter would create.",
};

export function createRetryLetter<P extends Principal, DB>(
  parts: RetryParts<P, DB>,
): RetryLetter<P> {
  const { pipeline, dependants, emit } = parts;
  type Retrying = ChainRetry<P>;
  const callsOf = createCallsOf(parts);

  /** The first letter that needs a row that another chain would create. */
  const dependence = async (
    { database: { store } }: Retrying,
    rootId: string,
    calls: readonly ChainCall<P>[],
    { unsure }: Extract<ChainOutcome<P>, { kind: "unsure" }>,
  ): Promise<{ readonly index: number; readonly operationIndex: number } | undefined> => {
    for (const { index, needs, puts } of unsure) {
      const principal = calls[index]?.call.principal ?? { userId: "" };
      const asked = { principal, needs, puts, except: rootId };
      const found = await inUnit(store, (unit) => dependants.dependence({ store, unit }, asked));
      if (found !== undefined) return { index, operationIndex: found.operationIndex };
    }
    return undefined;
  };

  /** Applies as much of a chain as possible. Each round is one database transaction; a letter that fails shortens the next round to those before it. */
  const retryChain = async (retrying: Retrying, root: string): Promise<Retried> => {
    const { database, name, options, seen } = retrying;
    const { store } = database;
    const done: Retried = { ids: [], waiting: 0 };
    const free = new Set<string>();
    const puts: Map<string, readonly PutRow[]> = new Map();
    let rootId = root;
    let calls = await callsOf(retrying, rootId);
    if (calls === undefined) return { ...done, instead: { kind: "not open" } };
    let most = calls.length;
    let stop: Retried["stop"];
    const stopAt = (index: number, failed: RetryFailure): void => {
      stop = { id: calls?.[index]?.id ?? rootId, ...failed };
      most = index;
    };
    if (calls.length === 0) stopAt(0, unknownPrincipal);
    for (let number = 1; most > 0; number += 1) {
      const since = calls[0]?.call.requestBegan ?? performance.now();
      const schema: SchemaTrust = { since, believed: new Map() };
      const progress: ChainProgress = { during: "begin", operationIndex: undefined, index: 0 };
      let outcome: ChainOutcome<P>;
      try {
        const force = options.force === true || done.ids.length > 0;
        outcome = await applyChain(parts, store, calls, {
          most,
          force,
          seen,
          number,
          free,
          puts,
          progress,
          schema,
        });
      } catch (error) {
        const { during, operationIndex, index } = progress;
        const rls = calls[index]?.call.caller !== undefined;
        const judged = classify(error, store, during !== "begin", rls);
        const verdict = withColumns(judged, { error, ...progress }, store, pipeline.rules);
        const where = operationIndex === undefined ? {} : { operationIndex };
        emit({ type: "error", ...name, during, error, outcome: verdict.outcome, ...where });
        const tried = { store, ...calls[index]?.call, schema };
        // If the look-up fails, the chain stops at this letter, and the letters that have been applied are still reported.
        const again = await isTriedAgain(verdict, number, tried).catch((lookup: unknown) => {
          emit({ type: "error", ...name, during: "retry", error: lookup, outcome: "retryable" });
          return undefined;
        });
        if (again) continue;
        if (again === undefined) {
          stopAt(index, { retryable: true, message: "The database can't be queried right now." });
          number = 0;
          continue;
        }
        // A failure at COMMIT does not say which letter caused it, and a time-out may be due to all of them together. So half as many are tried.
        const unknown = during === "commit" || (verdict.outcome === "retryable" && verdict.passes);
        if (unknown && most > 1) most = Math.floor(most / 2);
        else {
          tellServerValue(emit, name, error);
          stopAt(index, failure(verdict, operationIndex));
        }
        number = 0;
        continue;
      }
      switch (outcome.kind) {
        case "not open":
        case "moved":
        case "changed":
        case "stale":
          if (done.ids.length === 0) return { ...done, instead: outcome };
          // Someone else is handling the rest of the chain.
          stopAt(0, moved);
          continue;
        case "unsure": {
          const found = await dependence(retrying, rootId, calls, outcome);
          const { index = 0, operationIndex } = found ?? {};
          if (found !== undefined) {
            stopAt(index, {
              ...dependentFailure,
              ...(operationIndex !== undefined && { operationIndex }),
            });
          } else if (number > mostRounds) stopAt(0, moved);
          for (const { needs } of outcome.unsure)
            for (const row of needs.rows) free.add(rowName(row));
          continue;
        }
        case "applied": {
          for (const { id, call, committed, needs } of outcome.committed) {
            announceMissing(emit, needs, name);
            await pipeline.announceCommit?.(committed, call.shown);
            emit({ type: "dead_letter_handled", ...name, id, outcome: "retried" });
            done.ids.push(id);
          }
          const [next] = outcome.left;
          done.waiting = outcome.left.length;
          if (next === undefined) return done;
          rootId = next;
          calls = stop === undefined ? ((await callsOf(retrying, rootId)) ?? []) : [];
          most = calls.length;
          if (stop === undefined && calls.length === 0) stopAt(0, unknownPrincipal);
          number = 0;
        }
      }
    }
    if (stop !== undefined) {
      done.stop = stop;
      await countRetries(emit, store, stop.id, stop, name);
      emit({ type: "dead_letter_handled", ...name, id: stop.id, outcome: "failed" });
    }
    return done;
  };

  return async (database, id, options) => {
    const { store } = database;
    const seen = { id, version: options.version };
    const retrying = { database, name: { correlationId: crypto.randomUUID() }, options, seen };
    const { name } = retrying;
    try {
      for (let round = 1; round <= mostRounds; round += 1) {
        const letter = await inUnit(store, ({ letters }) => letters.find(id));
        if (!isOpen(letter)) return notOpenAnswer(letter);
        const done = await retryChain(retrying, letter.root ?? id);
        if (done.instead === undefined) return resultOf(id, done);
        if (done.instead.kind === "changed") return { status: "changed" };
        // Others have closed or moved the letter or its root, so it is read again.
        if (done.instead.kind !== "stale") continue;
        emit({ type: "dead_letter_handled", ...name, id: letter.root ?? id, outcome: "stale" });
        return { status: "stale", rows: done.instead.rows ?? [] };
      }
      return { status: "failed", ...moved };
    } catch (error) {
      if (isBadRequest(error)) throw error;
      emit({ type: "error", ...name, during: "retry", error, outcome: "retryable" });
      return { status: "failed", ...failure(classify(error, store, false), undefined) };
    }
  };
}

/** The result for the letter whose retry was called. */
function resultOf(id: string, { ids, waiting, stop }: Retried): RetryResult {
  const others = ids.filter((each) => each !== id);
  const report: ChainReport = { retried: others, waiting, ...(stop && { stoppedBy: stop }) };
  const dependants = others.length > 0 || waiting > 0 ? { dependants: report } : {};
  if (ids.includes(id)) return { status: "retried", ...dependants };
  const { id: _, ...failed } = stop ?? { id, ...moved };
  return { status: "failed", ...failed, ...(ids.length > 0 && dependants) };
}

const unknownPrincipal: RetryFailure = {
  retryable: false,
  errorCode: "UNAUTHORIZED",
  message:
    "The letter does not keep its sender's principal: pass one as `as`, or set `deadLetters.principal` in the configuration.",
};

function failure(verdict: Verdict, operationIndex: number | undefined): RetryFailure {
  const { outcome, message } = verdict;
  return {
    retryable: outcome === "retryable",
    ...(verdict.outcome === "fatal" && { errorCode: verdict.errorCode }),
    message,
    ...(operationIndex !== undefined && { operationIndex }),
  };
}

/** Counts a failed retry, in a transaction of its own because the failed one was rolled back. The count is approximate: a failure to count is ignored. */
async function countRetries(
  emit: Emit,
  store: Store,
  id: string,
  { errorCode, message, operationIndex }: RetryFailure,
  name: { readonly correlationId: string },
): Promise<void> {
  const where = operationIndex === undefined ? {} : { operationIndex };
  const error = errorCode === undefined ? {} : { error: { errorCode, message, ...where } };
  try {
    await inUnit(store, ({ letters }) => letters.change([id], { failed: error }));
  } catch (error) {
    emit({ type: "error", ...correlated(name), during: "retry", error, outcome: "ignored" });
  }
}
