/**
 * Group commit: on the first try, all transactions of a request run in one database transaction. It commits only if all of them are plainly good:
 * anything else rolls all of them back, and each is then run by itself.
 */
import type { WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import { type Emit, transactionEvent } from "../events/emit.js";
import type { Tally } from "../events/events.js";
import {
  type CrudTransaction,
  type InvalidTransaction,
  success,
  type TransactionResult,
} from "../model.js";
import type { OperationState } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { SchemaTrust, Table } from "../store/tables.js";
import { apply, type Progress } from "./apply.js";
import type { Applied } from "./attempt.js";
import type { Call } from "./call.js";
import { type Boarding, fly } from "./flight.js";
import { type Identity, identityOf } from "./identity.js";
import { type Group, groupOf, isSharing, isSkipped, mayShare } from "./together.js";
import { type Announce, executionKey, notBegun } from "./transaction.js";

interface GroupParts<P extends Principal, DB> {
  readonly config: WritesConfig<P, DB>;
  readonly pipeline: Pipeline<P, DB>;
  readonly emit: Emit;
  readonly announce: Announce<P>;
}

/** Never rejects. `undefined`: nothing has been written, and each transaction has to be run by itself. */
export type GroupCommit<P extends Principal> = (
  transactions: readonly (CrudTransaction | InvalidTransaction)[],
  call: Call<P>,
) => Promise<readonly TransactionResult[] | undefined>;

/** More operations would hold their locks for longer than one commit saves. */
const mostOperations = 10_000;

interface Member extends Boarding {
  readonly claim: Identity;
  /** See `shareExecution`. */
  readonly execution: string;
}

export function createGroupCommit<P extends Principal, DB>({
  config,
  pipeline,
  emit,
  announce,
}: GroupParts<P, DB>): GroupCommit<P> {
  const { deferConstraints = false } = config;

  const commit = async (
    members: readonly Member[],
    call: Call<P>,
    { group, tally }: { readonly group: Group; readonly tally: Tally },
  ): Promise<readonly Applied[] | undefined> => {
    const schema: SchemaTrust = { since: call.requestBegan, believed: new Map() };
    const trying = { number: 1, schema, deferConstraints, tally, group };
    const flown = await fly(pipeline, members, call, trying);
    if (flown !== undefined) return flown.kind === "flown" ? flown.applied : undefined;
    return stepByStep(pipeline, members, call, trying).catch(() => undefined);
  };

  return async (transactions, call) => {
    const started = performance.now();
    const members = await membersOf(transactions, call);
    if (members === undefined) return undefined;
    const { executing, undone } = call.memory;
    if (undone.size > 0 && isSkipped(undone, call, members[0]?.claim)) return undefined;
    const group = groupOf(pipeline, members, deferConstraints);
    if (!mayShare(group, call)) return undefined;
    const keys = members.map(({ execution }) => execution);
    // A transaction that is already under way, or occurs twice in the request, has to wait for the other copy.
    if (new Set(keys).size < keys.length || keys.some((key) => executing.has(key)))
      return undefined;
    let end: (result: TransactionResult) => void = () => undefined;
    const ended = new Promise<TransactionResult>((resolve) => {
      end = resolve;
    });
    for (const key of keys) executing.set(key, ended);
    const tally: Tally = { attempts: 1, statements: 0, ledger: "miss", flown: false };
    let applied: readonly Applied[] | undefined;
    try {
      applied = await commit(members, call, { group, tally });
    } finally {
      for (const key of keys) executing.delete(key);
      // After a rollback, requests that waited for one of these transactions run it themselves.
      end(applied === undefined ? notBegun : success);
    }
    if (applied === undefined) return undefined;
    for (const [index, each] of applied.entries()) {
      const identity = members[index]?.claim;
      const { transaction } = each;
      await announce(each, { transaction, call, identity });
      // The statements are counted once, with the first transaction.
      const told = index === 0 ? tally : { ...tally, statements: 0 };
      emit(transactionEvent(transaction, call, success, told, performance.now() - started));
    }
    return transactions.map(() => success);
  };
}

/** `undefined`: at least one of the transactions has to be run by itself. */
async function membersOf<P extends Principal>(
  transactions: readonly (CrudTransaction | InvalidTransaction)[],
  call: Call<P>,
): Promise<readonly Member[] | undefined> {
  // If the answer to COMMIT is lost, only the ledger can tell whether the transactions were applied.
  if (transactions.length < 2 || !call.ledger) return undefined;
  const members: Member[] = [];
  let operations = 0;
  for (const transaction of transactions) {
    if ("invalid" in transaction) return undefined;
    operations += transaction.crud.length;
    if (operations > mostOperations) return undefined;
    // An empty transaction has nothing to commit.
    if (transaction.crud.length === 0) return undefined;
    const claim = await identityOf(call, transaction);
    const { key, queue } = claim;
    // Without a device, the rows that transactions name decide about replays, one transaction after the other.
    if (key === undefined || queue === undefined) return undefined;
    members.push({ transaction, claim, execution: executionKey(key, claim) });
  }
  return members;
}

/** Rejects with anything that is not plainly good. That is no failure yet, because each transaction is then run by itself. */
async function stepByStep<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  members: readonly Member[],
  call: Call<P>,
  {
    number,
    schema,
    deferConstraints,
    tally,
    group,
  }: {
    readonly number: number;
    readonly schema: SchemaTrust;
    readonly deferConstraints: boolean;
    readonly tally: Tally;
    readonly group: Group;
  },
): Promise<readonly Applied[]> {
  const { store, memory, signal, principal } = call;
  const operations = members.reduce((sum, { transaction }) => sum + transaction.crud.length, 0);
  const [claim, ...alongside] = members.map((member) => member.claim);
  const options = {
    signal,
    tally,
    schema,
    deferConstraints,
    alongside,
    lettersOf: principal.userId,
    ...(claim && { claim }),
  };
  const entering = { userId: principal.userId, operations, signal };
  return memory.places.unit(entering, store, options, async (unit) => {
    if (unit.earlier !== undefined || unit.hasLetters)
      throw new Error("Replays and dependants are decided one by one.");
    const applied: Applied[] = [];
    const written: Table[] = [];
    const open = { store, unit };
    for (const { transaction } of members) {
      const states: OperationState[] = [];
      const progress: Progress = { during: "begin", operationIndex: undefined, states };
      const writes = await apply(pipeline, transaction, call, { open, number, progress });
      applied.push({ kind: "applied", transaction, writes });
      written.push(...states.flatMap(({ change }) => change?.table ?? []));
    }
    if (!(await isSharing(group, written, open)))
      throw new Error("Deferred constraints need a COMMIT each.");
    return applied;
  });
}
