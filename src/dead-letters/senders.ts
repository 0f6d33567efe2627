/** Finds the principal as whom each letter of a chain is retried: the user who sent it. */
import type { Principal } from "../context.js";
import { badRequest } from "../errors.js";
import { type Call, type Database, shownContext } from "../process/call.js";
import { inUnit } from "../process/classify.js";
import type { Letter, StoredLetter } from "../store/letters.js";
import type { ChainCall, RetryParts } from "./chain.js";
import { isOpen, type SeenLetter } from "./state.js";
import type { RetryOptions } from "./types.js";

export interface ChainRetry<P extends Principal> {
  readonly database: Database;
  readonly name: { readonly correlationId: string };
  readonly options: Pick<RetryOptions<P>, "force" | "as">;
  /** The letter that was asked for. */
  readonly seen: SeenLetter;
}

/**
 * Finds the calls by which the letters of a chain are applied. Runs before the transaction begins, because the application's functions may query the same
 * database. Stops at the first letter whose principal is unknown. `undefined`: the root no longer waits.
 */
type CallsOf<P extends Principal> = (
  retrying: ChainRetry<P>,
  rootId: string,
) => Promise<readonly ChainCall<P>[] | undefined>;

export function createCallsOf<P extends Principal, DB>({
  config,
  gate,
}: RetryParts<P, DB>): CallsOf<P> {
  return async ({ database, name, options }, rootId) => {
    const { store } = database;
    const behind = await inUnit(store, ({ letters }) => letters.dependants([rootId]));
    const calls: ChainCall<P>[] = [];
    let isEdited = false;
    for (const id of [rootId, ...behind.map((each) => each.id)]) {
      const letter = await inUnit(store, ({ letters }) => letters.find(id));
      if (!isOpen(letter)) {
        if (id === rootId) return undefined;
        continue;
      }
      isEdited ||= letter.originalPayload !== undefined;
      const principal = await letterPrincipal(letter, options.as, config.deadLetters?.principal);
      if (principal === undefined) break;
      const begun = callOf(database, name.correlationId, principal, letter);
      const caller = await gate?.(database, begun);
      calls.push({ id, call: { ...begun, ...(caller && { caller }) } });
    }
    return isEdited ? calls.map((each) => withWriter(each, name.correlationId)) : calls;
  };
}

/** Conflict rules take an edited chain for another writer: the queue's later writes were based on what it had sent, and not on the edit. */
function withWriter<P extends Principal>({ id, call }: ChainCall<P>, writer: string): ChainCall<P> {
  return { id, call: { ...call, writer } };
}

/** @throws badRequest if `as` is not the letter's user */
export async function letterPrincipal<P extends Principal>(
  letter: Letter,
  as: P | undefined,
  make: ((letter: Letter) => P | Promise<P>) | undefined,
): Promise<P | undefined> {
  const principal = as ?? (make === undefined ? (letter.principal as P) : await make(letter));
  if (principal === undefined) return undefined;
  if (principal?.userId === letter.userId) return principal;
  if (as !== undefined) throw badRequest(400, "`as` must have the `userId` of the letter's user.");
  throw new TypeError(
    "deadLetters.principal must return a principal with the `userId` of the letter's user.",
  );
}

function callOf<P extends Principal>(
  database: Database,
  correlationId: string,
  principal: P,
  { clientId, queueId, lossyNumbers }: StoredLetter,
): Call<P> {
  const { signal } = new AbortController();
  return {
    correlationId,
    signal,
    principal,
    ...database,
    shown: shownContext({ correlationId, signal, principal }, clientId),
    ...(clientId !== undefined && { clientId }),
    ...(queueId !== undefined && { queueId }),
    // The answer that the device has received stays valid, so the ledger is not used.
    ledger: false,
    content: { withinMs: 0, decided: () => {} },
    requestId: correlationId,
    requestBegan: performance.now(),
    clientCanHandle: false,
    lossyNumbers,
  };
}
