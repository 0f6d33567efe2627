/** Senders whose transactions have failed where their changes were made together: for a while theirs are tried step by step at once. */
import type { Principal } from "../context.js";
import type { Claim } from "../store/store.js";
import type { Call, Memory } from "./call.js";

type Grounded = Pick<Memory, "grounded">;
type Caller = Pick<Call<Principal>, "principal">;

/**
 * After two failures in a row, so many of the sender's transactions are tried step by step at once, and twice as many after each further one. The first
 * of a new device is sent as a whole in vain, for the ledger does not know its queue yet.
 */
const firstSkipped = 1;
const mostSkipped = 64;
const rememberedSenders = 10_000;

function senderOf({ principal }: Caller, claim: Claim | undefined): string {
  return claim?.queue ?? principal.userId;
}

/** Whether it is not worth a try. Each transaction asks once. */
export function isGrounded({ grounded }: Grounded, caller: Caller, claim?: Claim): boolean {
  const failed = grounded.get(senderOf(caller, claim));
  if (failed === undefined || failed.toSkip === 0) return false;
  failed.toSkip -= 1;
  return true;
}

/** @param begunAt by `performance.now()`: of several that were under way at once, the failure of one says all that the others' would */
export function ground(
  { grounded }: Grounded,
  caller: Caller,
  claim: Claim | undefined,
  begunAt: number,
): void {
  const sender = senderOf(caller, claim);
  const before = grounded.get(sender);
  if (before !== undefined && begunAt < before.at) return;
  const skipped =
    before === undefined ? 0 : Math.min(2 * before.skipped || firstSkipped, mostSkipped);
  if (grounded.size >= rememberedSenders) grounded.clear();
  grounded.set(sender, { skipped, toSkip: skipped, at: performance.now() });
}

/** It has gone well again. */
export function unground({ grounded }: Grounded, caller: Caller, claim?: Claim): void {
  grounded.delete(senderOf(caller, claim));
}
