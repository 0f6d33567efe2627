/** Finds out whether a transaction needs a row that a dead letter of the same user would create. */
import type { Principal } from "../context.js";
import {
  type Dependants,
  type Dependence,
  mayDepend,
  putsOf,
  type PutRow,
} from "../dead-letters/dependants.js";
import type { Needs, Targets } from "../pipeline/operation.js";
import type { CrudTransaction } from "../model.js";
import { type NamedRow, rowName } from "../store/letters.js";
import type { Call } from "./call.js";
import type { Verdict } from "./classify.js";

export const dependent: Verdict = {
  outcome: "fatal",
  errorCode: "DEPENDS_ON_DEAD_LETTER",
  message:
    "It depends on a change that could not be made, and waits behind that change for review.",
};

interface Tried<P extends Principal> {
  readonly transaction: CrudTransaction;
  readonly call: Call<P>;
  readonly targets: Targets | undefined;
}

/** Runs in a database transaction of its own, after the failed one has been rolled back. */
export async function dependence<P extends Principal>(
  dependants: Dependants,
  { transaction, call, targets }: Tried<P>,
  needs: Needs,
  last: Verdict | undefined,
  operationIndex: number | undefined,
): Promise<Dependence | undefined> {
  const { store, memory, requestBegan } = call;
  const { principal } = call;
  const failed =
    last?.outcome === "fatal" ? { errorCode: last.errorCode, operationIndex } : undefined;
  if (!mayDepend(needs, failed)) return undefined;
  const puts = putsOf(transaction, targets);
  const asked = { principal, needs, puts, ...(failed && { failed }) };
  return memory.places.unit(
    { userId: principal.userId, operations: 1 },
    store,
    { schema: { since: requestBegan } },
    (unit) => dependants.dependence({ store, unit }, asked),
  );
}

/** What earlier attempts have found out about a transaction and the letters. */
export interface Known {
  /** Rows that may be missing, because no letter would create them; by `rowName`. */
  readonly free: Set<string>;
  /** The rows that the transaction PUTs, if hooks make them other rows than those that it names. */
  puts?: readonly PutRow[];
}

export class Unsure extends Error {
  readonly needs: Needs;
  readonly puts: readonly PutRow[] | undefined;

  constructor(needs: Needs, puts?: readonly PutRow[]) {
    super("Rows are absent, or others are written, that a dead letter may be there to create.");
    this.needs = needs;
    this.puts = puts;
  }
}

export function isUnsure(error: unknown): error is Unsure {
  return error instanceof Unsure;
}

/** @throws Unsure if rows are missing and the letters have not been asked about them yet */
export function throwIfUnsure(needs: Needs, free: ReadonlySet<string>): void {
  if (needs.rows.some((row) => !free.has(rowName(row)))) throw new Unsure(needs);
}

/** @throws Unsure if the rows that were PUT are not those that the letters were told of */
export function throwIfOthers(
  needs: Needs,
  told: readonly NamedRow[],
  puts: readonly PutRow[],
): void {
  const names = new Set(told.map(rowName));
  const made = new Set(puts.map(rowName));
  if (made.size !== names.size || ![...made].every((row) => names.has(row))) {
    throw new Unsure(needs, puts);
  }
}
