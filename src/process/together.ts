/**
 * Decides what is tried together on the first attempt: whether transactions may share a commit, and whether a sender's changes are written together at all.
 */
import type { Principal } from "../context.js";
import type { CrudTransaction } from "../model.js";
import type { OpenUnit } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Table } from "../store/tables.js";
import type { Call, FailedSenders } from "./call.js";
import type { Claim } from "../store/ledger.js";
import { isPlain } from "./attempt.js";

interface Sharing {
  /** No application code gets the database transaction, so nothing but the library writes in it. */
  readonly plain: boolean;
  /** See `UnitOptions`. */
  readonly deferConstraints: boolean;
}

/** @param written the tables that are written to */
export function isIndependent(
  written: readonly Table[],
  { plain, deferConstraints }: Sharing,
): boolean {
  return written.every(({ deferred }) => {
    const place = (deferConstraints ? deferred?.asked : deferred?.declared) ?? "none";
    return place === "none" || (plain && place === "elsewhere");
  });
}

/** What decides whether a group of transactions may share a commit. */
export interface Group extends Sharing {
  /** The source tables of the operations, by their rules. If there are none, any one table: its `deferred` also tells about other tables' constraints. */
  readonly tables: readonly string[];
}

export function groupOf<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  members: readonly { readonly transaction: CrudTransaction }[],
  deferConstraints: boolean,
): Group {
  const { rules } = pipeline;
  const named = members.flatMap(({ transaction }) =>
    transaction.crud.flatMap(({ table }) => rules.get(table)?.table ?? []),
  );
  // Mutations have no rule, and their mutators may write to any table.
  const [any] = rules.values();
  if (named.length === 0 && any !== undefined) named.push(any.table);
  const plain = members.every(({ transaction }) => isPlain(pipeline, transaction));
  return { plain, deferConstraints, tables: [...new Set(named)] };
}

/** Asked before anything begins, of the tables in the cache. `isSharing` asks of all tables, after they have been written to. */
export function mayShare<P extends Principal>(
  { tables, ...sharing }: Group,
  { store, requestBegan, caller }: Call<P>,
): boolean {
  const trust = { since: requestBegan };
  const known = tables.flatMap((name) => store.known?.(name, [], trust, caller) ?? []);
  return isIndependent(known, sharing);
}

/** Asked after all writes and before COMMIT. Reads at most one table from the database, if it is not in the cache. */
export async function isSharing(
  { tables: [name], ...sharing }: Group,
  written: readonly Table[],
  { store, unit }: OpenUnit,
): Promise<boolean> {
  if (store.deferral !== true) return true;
  if (sharing.plain || written.length > 0) return isIndependent(written, sharing);
  const table = name === undefined ? undefined : await unit.table(name);
  return table !== undefined && isIndependent([table], sharing);
}

type Caller = Pick<Call<Principal>, "principal">;

/**
 * After two failures in a row, this many of the sender's next transactions are not tried together, or not as a whole, and twice as many after each further
 * failure. The first failure has no effect, because the first flight of a new device always fails: the ledger does not know its queue yet.
 */
const firstSkipped = 1;

const mostSkipped = 64;

const rememberedSenders = 10_000;

function senderKey({ principal }: Caller, claim: Claim | undefined): string {
  return claim?.queue ?? principal.userId;
}

/** Whether the sender's next transaction is not tried. To be asked once for each transaction, because the call counts it. */
export function isSkipped(senders: FailedSenders, caller: Caller, claim?: Claim): boolean {
  const failed = senders.get(senderKey(caller, claim));
  if (failed === undefined || failed.toSkip === 0) return false;
  failed.toSkip -= 1;
  return true;
}

/** @param begunAt when the transaction began, by `performance.now()`: failures of transactions that ran at the same time count once */
export function noteFailure(
  senders: FailedSenders,
  caller: Caller,
  claim: Claim | undefined,
  begunAt: number,
): void {
  const sender = senderKey(caller, claim);
  const before = senders.get(sender);
  if (before !== undefined && begunAt < before.at) return;
  const skipped =
    before === undefined ? 0 : Math.min(2 * before.skipped || firstSkipped, mostSkipped);
  if (senders.size >= rememberedSenders) senders.clear();
  senders.set(sender, { skipped, toSkip: skipped, at: performance.now() });
}

/** Forgets a sender's failures, because another transaction has succeeded in the same way. */
export function forgetFailures(senders: FailedSenders, caller: Caller, claim?: Claim): void {
  senders.delete(senderKey(caller, claim));
}
