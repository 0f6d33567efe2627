/** Remembers senders whose transactions failed when their changes were written together. For a while theirs are run step by step from the start. */
import type { Principal } from "../context.js";
import type { Claim } from "../store/store.js";
import type { Call, Memory } from "./call.js";

type Grounded = Pick<Memory, "grounded">;
type Caller = Pick<Call<Principal>, "principal">;

/**
 * After two failures in a row, this many of the sender's next transactions are run step by step, and twice as many after each further failure. The
 * first failure has no effect, because the first flight of a new device always fails: the ledger does not know its queue yet.
 */
const firstSkipped = 1;
const mostSkipped = 64;
const rememberedSenders = 10_000;

function senderOf({ principal }: Caller, claim: Claim | undefined): string {
  return claim?.queue ?? principal.userId;
}

/** Whether the sender's next transaction is run step by step. To be asked once for each transaction, because the call counts it. */
export function isGrounded({ grounded }: Grounded, caller: Caller, claim?: Claim): boolean {
  const failed = grounded.get(senderOf(caller, claim));
  if (failed === undefined || failed.toSkip === 0) return false;
  failed.toSkip -= 1;
  return true;
}

/** @param begunAt when the transaction began, by `performance.now()`: failures of transactions that ran at the same time count once */
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

/** Forgets a sender's failures, because a transaction's changes were written together successfully. */
export function unground({ grounded }: Grounded, caller: Caller, claim?: Claim): void {
  grounded.delete(senderOf(caller, claim));
}
