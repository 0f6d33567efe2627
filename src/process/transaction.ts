/** Processes one transaction, from its identity to its answer. In the end it is applied once, recorded as a dead letter, or still queued on the device. */
import type { Principal } from "../context.js";
import { correlated, type Emit, transactionEvent } from "../events/emit.js";
import type { Tally } from "../events/events.js";
import {
  type CrudTransaction,
  type InvalidTransaction,
  retryableResult,
  success,
  type TransactionResult,
} from "../model.js";
import { identifiable } from "../wire/entries.js";
import { isAnswered, type MakeAttempts, notBegun } from "./attempts.js";
import type { Call, Memory } from "./call.js";
import { inUnit } from "./classify.js";
import { withRemedy } from "./explain.js";
import { type Identity, identityOf } from "./identity.js";

const noWork = async () => {};

interface TransactionParts<P extends Principal> {
  readonly attempts: MakeAttempts<P>;
  readonly emit: Emit;
}

/** Never rejects. */
export type RunTransaction<P extends Principal> = (
  transaction: CrudTransaction | InvalidTransaction,
  call: Call<P>,
) => Promise<TransactionResult>;

export function createRunTransaction<P extends Principal>({
  attempts,
  emit,
}: TransactionParts<P>): RunTransaction<P> {
  const run = async (
    transaction: CrudTransaction | InvalidTransaction,
    call: Call<P>,
    tally: Tally,
  ): Promise<TransactionResult> => {
    const isInvalid = "invalid" in transaction;
    if (!isInvalid && transaction.crud.length === 0) return success;
    // An invalid transaction gets an identity, too: it may have been applied before, or be accepted once a limit has been raised.
    const named = isInvalid ? await identifiable(transaction.raw) : transaction;
    const identity = call.ledger && named ? await identityOf(call, named) : undefined;
    const execute = () => attempts({ transaction, call, identity }, tally);
    if (identity?.key === undefined) return execute();
    const execution = executionKey(identity.key, identity);
    for (;;) {
      tally.ledger = "miss";
      const { result, shared } = await shareExecution(call.memory, execution, execute);
      if (!shared) return result;
      tally.ledger = "shared";
      // Enters that this request held the transaction, too: the ledger never prunes what a queue sent last.
      if (identity.queue !== undefined && isAnswered(result))
        await inUnit(call.store, noWork, { claim: { ...identity, known: true } });
      // If the caller who began the run has left, this request begins it again.
      if (result !== notBegun || call.signal.aborted) return result;
    }
  };

  return async (transaction, call) => {
    const started = performance.now();
    const tally: Tally = { attempts: 0, statements: 0, ledger: "off", flown: false };
    let result: TransactionResult;
    try {
      result = await run(transaction, call, tally);
    } catch (error) {
      emit({
        type: "error",
        ...correlated(call),
        during: "transaction",
        error,
        outcome: "retryable",
        ...withRemedy(error, "transaction", call.store),
      });
      result = retryableResult("The change can't be made right now.");
    }
    emit(transactionEvent(transaction, call, result, tally, performance.now() - started));
    return result;
  };
}

/** Includes `handling`: a copy that is sent after the client was asked again has to be tried, and must not share the answer of an earlier copy. */
export function executionKey(key: string, { handling }: Identity): string {
  return `${key} ${handling ?? ""}`;
}

/**
 * Runs `execute`, or waits for the run that is under way for the same key. The map belongs to one database: the same identity in another database is
 * another transaction.
 */
export async function shareExecution(
  { executing }: Pick<Memory, "executing">,
  key: string,
  execute: () => Promise<TransactionResult>,
): Promise<{ readonly result: TransactionResult; readonly shared: boolean }> {
  const same = executing.get(key);
  if (same !== undefined) return { result: await same, shared: true };
  const run = execute();
  executing.set(key, run);
  try {
    return { result: await run, shared: false };
  } finally {
    executing.delete(key);
  }
}
