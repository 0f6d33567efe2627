/** What the process remembers of one database, whoever's request it is. A rule of its own for each stands in the file that uses it. */
import type { TransactionResult } from "../model.js";
import type { PoliciesSeen } from "../rls/gate.js";

export interface Memory {
  /** Identical transactions in flight, by identity. See `single-flight.ts`. */
  readonly inFlight: Map<string, Promise<TransactionResult>>;
  /** Until when callers with too many dead letters are refused, by user id. See `dead-letters/quota.ts`. */
  readonly refused: Map<string, number>;
  /** When a transaction was last applied. See `parking.ts`. */
  appliedAt: number | undefined;
  /** When the ledger is to be pruned next. See `pruning.ts`. */
  pruneAt: number | undefined;
  /** What has been found of the policies, by role. See `rls/gate.ts`. */
  readonly policies: Map<string, PoliciesSeen>;
  /** Readiness that is being looked at, by role. See `check/ready.ts`. */
  readonly looking: Map<string, Promise<readonly string[]>>;
}

export function createMemory(): Memory {
  return {
    inFlight: new Map(),
    refused: new Map(),
    appliedAt: undefined,
    pruneAt: undefined,
    policies: new Map(),
    looking: new Map(),
  };
}
