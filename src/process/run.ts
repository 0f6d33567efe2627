/** Changes that are written together, as far as nothing of the application's has to run between them. */
import type { OperationContext, Principal } from "../context.js";
import type { Write, WriteOutcome } from "../model.js";
import { correlated } from "../events/emit.js";
import { faultOf } from "../pipeline/fault.js";
import type { OpenUnit, OperationState } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { Undone } from "../store/failures.js";
import type { Change } from "../store/store.js";
import type { Progress } from "./attempted.js";

function foundMissing(
  { op, table, id }: Write,
  operationIndex: number,
  { needs }: OperationState,
): void {
  // The default one has said so already.
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
  /** Writes what waits. Rejects with the first failure. */
  end(): Promise<void>;
}

export function createRun<P extends Principal, DB>(
  { plainPersist, persist, rules }: Pipeline<P, DB>,
  { unit }: OpenUnit,
  progress: Progress,
): Run<P, DB> {
  const alone: Run<P, DB>["add"] = async (write, context, state) => {
    progress.during = "persist";
    // One of the application's own may give nothing.
    let outcome: WriteOutcome | undefined;
    try {
      outcome = await persist(write, context);
    } catch (error) {
      if (state.change) progress.refused = { change: state.change, table: write.table };
      throw error;
    }
    unit.throwIfFailed();
    if (outcome?.effect === "missing") foundMissing(write, context.operationIndex, state);
  };
  if (plainPersist === undefined) return { add: alone, end: async () => {} };
  let waiting: WaitingChange<P, DB>[] = [];
  return {
    add: async (write, context, state) => {
      // What stands before it has been written: see `Rule.looksAround`.
      const rule = rules.get(write.table);
      if ((rule?.persist ?? rule?.conflict) !== undefined) return alone(write, context, state);
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
      // Nobody is told of what is begun again.
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
