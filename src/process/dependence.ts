/** Whether a transaction needs what a dead letter of the same user would create. */
import type { Principal } from "../context.js";
import { type Dependants, type Dependence, mayDepend } from "../dead-letters/dependants.js";
import type { Needs } from "../pipeline/operation.js";
import type { CrudTransaction } from "../model.js";
import { rowName } from "../store/letters.js";
import type { Call } from "./call.js";
import type { Verdict } from "./classify.js";

export const dependent: Verdict = {
  outcome: "fatal",
  errorCode: "DEPENDS_ON_DEAD_LETTER",
  message: "It needs a change that could not be made, and waits behind it to be looked at.",
};

/** Asked when the transaction has been rolled back, in one of its own. */
export async function dependence<P extends Principal>(
  dependants: Dependants,
  { transaction, call }: { readonly transaction: CrudTransaction; readonly call: Call<P> },
  needs: Needs,
  last: Verdict | undefined,
  operationIndex: number | undefined,
): Promise<Dependence | undefined> {
  const { store, memory, requestBegan } = call;
  const { userId } = call.principal;
  const failed =
    last?.outcome === "fatal" ? { errorCode: last.errorCode, operationIndex } : undefined;
  if (!mayDepend(needs, failed)) return undefined;
  const asked = { userId, needs, transaction, ...(failed && { failed }) };
  return memory.places.unit(
    { userId, operations: 1 },
    store,
    { schema: { since: requestBegan } },
    (unit) => dependants.dependence({ store, unit }, asked),
  );
}

class Unsure extends Error {
  readonly needs: Needs;

  constructor(needs: Needs) {
    super("Rows are absent that a dead letter may be there to create.");
    this.needs = needs;
  }
}

export function isUnsure(error: unknown): error is Unsure {
  return error instanceof Unsure;
}

/** @throws Unsure where rows are absent of which nobody has asked yet whether a letter would create them */
export function throwIfUnsure(needs: Needs, free: ReadonlySet<string>): void {
  if (needs.rows.some((row) => !free.has(rowName(row)))) throw new Unsure(needs);
}
