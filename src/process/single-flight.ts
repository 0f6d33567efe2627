/** Identical transactions in flight in one process share one execution, before any of them takes a connection. */
import type { TransactionResult } from "../model.js";
import type { Memory } from "./memory.js";

/**
 * Runs `execute`, or waits for the run under way for the same key in the same database: in different databases the same identity is not the
 * same transaction.
 */
export async function joinFlight(
  { inFlight }: Pick<Memory, "inFlight">,
  key: string,
  execute: () => Promise<TransactionResult>,
): Promise<{ readonly result: TransactionResult; readonly shared: boolean }> {
  const same = inFlight.get(key);
  if (same !== undefined) return { result: await same, shared: true };
  const run = execute();
  inFlight.set(key, run);
  try {
    return { result: await run, shared: false };
  } finally {
    inFlight.delete(key);
  }
}
