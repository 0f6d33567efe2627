/** Collects changes that are written together, as long as no application code has to run between them. */
import type { OperationContext, Principal } from "../context.js";
import type { Write, WriteOutcome } from "../model.js";
import { correlated } from "../events/emit.js";
import { faultOf } from "../pipeline/fault.js";
import type { OpenUnit, OperationState } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { Undone } from "../store/failures.js";
import type { Change } from "../store/store.js";
import type { Progress } from "./attempted.js";

function noteMissing(
  { op, table, id }: Write,
  operationIndex: number,
  { needs }: OperationState,
): void {
  // The default persister has noted it already.
  if (op === "PUT" || needs?.rows.some((row) => row.operationIndex === operationIndex)) return;
  needs?.rows.push({ op, table, id, operationIndex });
}

interface WaitingChange<P extends Principal, DB> {
  readonly change: Change;
  readonly write: Write;
  readonly context: OperationContext<P, DB>;
  readonly state: OperationState;
}

/** Changes that wait to be written together. */
export interface Run<P extends Principal, DB> {
  add(write: Write, context: OperationContext<P, DB>, state: OperationState): Promise<void>;
  /** Writes the waiting changes. Rejects with the first failure. */
  end(): Promise<void>;
}

export function createRun<P extends Principal, DB>(
  { plainPersist, persist, rules }: Pipeline<P, DB>,
  { unit }: OpenUnit,
  progress: Progress,
): Run<P, DB> {
  const persistAlone: Run<P, DB>["add"] = async (write, context, state) => {
    progress.during = "persist";
    // A persister of the application's own may return nothing.
    let outcome: WriteOutcome | undefined;
    try {
      outcome = await persist(write, context);
    } catch (error) {
      if (state.change) progress.refused = { change: state.change, table: write.table };
      throw error;
    }
    unit.throwIfFailed();
    if (outcome?.effect === "missing") noteMissing(write, context.operationIndex, state);
  };
  if (plainPersist === undefined) return { add: persistAlone, end: async () => {} };
  let waiting: WaitingChange<P, DB>[] = [];
  return {
    add: async (write, context, state) => {
      // The changes before this one have been written already: see `Rule.looksAround`.
      const rule = rules.get(write.table);
      if ((rule?.persist ?? rule?.conflict) !== undefined)
        return persistAlone(write, context, state);
      progress.during = "persist";
      const change = await plainPersist.change(write, context, state);
      if (change !== undefined) waiting.push({ change, write, context, state });
    },
    end: async () => {
      if (waiting.length === 0) return;
      const run = waiting;
      waiting = [];
      progress.during = "persist";
      const { effects, failure } = await unit.write(run.map(({ change }) => change));
      // The transaction is run again, so its effects so far are not reported.
      if (failure?.cause instanceof Undone) throw failure.cause;
      for (const [index, effect] of effects.entries()) {
        const { write, context, change, state } = run[index] as WaitingChange<P, DB>;
        progress.operationIndex = change.operationIndex;
        if (effect === "written") continue;
        const { operationIndex } = change;
        plainPersist.judge(effect, write, {
          ...correlated(context),
          operationIndex,
          needs: state.needs,
        });
      }
      if (failure === undefined) return;
      progress.operationIndex = failure.operationIndex;
      const failed = run.find(({ change }) => change.operationIndex === failure.operationIndex);
      if (failed === undefined) throw failure.cause;
      progress.refused = { change: failed.change, table: failed.write.table };
      throw faultOf(failure.cause, failed.change, failed.state);
    },
  };
}
