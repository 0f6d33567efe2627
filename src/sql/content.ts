/**
 * Transactions that the ledger can't find by their device: the device is unknown, or it is new and may have had another name before. They are
 * distinguished by their content: see `Content`.
 *
 * A known device skips all of this unless its row has the mark `told`. The device rows of a user are therefore marked before the user's first
 * transaction is entered by its content. Marking a row waits for transactions of the device that have not seen the mark: see `enter` in `ledger.ts`.
 */
import type { TransactionResult } from "../model.js";
import { type Claim, type ContentNames, answerOf } from "../store/ledger.js";
import {
  enterDevice,
  knownDevice,
  markDevices,
  type Ours,
  settleDevice,
  toldStates,
} from "./devices.js";
import type { Dialect } from "./dialect.js";
import { enterNames, foundByContent, lockAccount } from "./named.js";

const { never, whileTelling, always } = toldStates;

/** The result of looking for an earlier copy of a transaction beyond its own ledger row. */
export interface Met {
  /** The saved answer. The transaction is a replay, and nothing may be written. */
  readonly earlier?: TransactionResult;
  /** The earlier copy was found by its content only. */
  readonly byContent?: boolean;
  /** Another device's rows were deleted to make room. */
  readonly forgotten?: boolean;
}

/**
 * Claims a transaction in two cases. The device is new, or has only sent repeats: its transaction may have been answered when the device had another
 * name. Or the user has transactions that are distinguished by their content: then the rows that this one names must be entered.
 */
export async function meet(
  ours: Ours,
  dialect: Dialect,
  claimed: Claim & { readonly key: string; readonly queue: string },
): Promise<Met> {
  const { key, queue, devices, content } = claimed;
  // Computed before the lock is taken, because the user's other devices wait for the lock.
  const names = await content.read();
  const account = await lockAccount(ours, dialect, claimed);
  const device = await knownDevice(ours, queue);
  const isNew = device === undefined || device.unsettled;
  const told = content.entered ? always : account.telling ? whileTelling : never;
  const other = isNew ? await foundElsewhere(ours, [key, ...names.others]) : undefined;
  const byContent =
    isNew && other === undefined
      ? await foundByContent(ours, dialect, account, names, content.withinMs)
      : undefined;
  const earlier = other ?? byContent;
  let forgotten = false;
  if (device === undefined) {
    const entered = { queue, unsettled: earlier !== undefined, told };
    forgotten = await enterDevice(ours, dialect, account.subject, entered, devices);
  } else if (earlier === undefined && device.unsettled) {
    await settleDevice(ours, queue);
  }
  if (earlier !== undefined) return { earlier, forgotten, byContent: byContent !== undefined };
  const telling = content.entered ? toldOf(names, claimed) : undefined;
  if (telling !== undefined) {
    await enterNames(ours, dialect, account, names, telling);
  } else if (account.telling) {
    await enterNames(ours, dialect, account, names, undefined);
  } else if (device?.told === whileTelling) {
    await markDevices(ours, account.subject, never);
  }
  return { forgotten };
}

/** Enters the rows of a transaction that is tried again: transactions that are distinguished by their content in the meantime must see them. */
export async function nameAgain(ours: Ours, dialect: Dialect, claimed: Claim): Promise<void> {
  const names = await claimed.content.read();
  const account = await lockAccount(ours, dialect, claimed);
  const told = claimed.content.entered ? toldOf(names, claimed) : undefined;
  if (account.telling || told !== undefined) {
    await enterNames(ours, dialect, account, names, told);
  }
}

/** What is entered to find the transaction by its content. Absent: it has no id, or the client decides and its next try must not count as a repeat. */
function toldOf({ key }: ContentNames, { answer }: Claim) {
  return key === undefined || answer?.requiresClientHandling ? undefined : { key, answer };
}

/** Claims a transaction whose device is unknown. Without a key, only the rows that it names are entered. */
export async function claimByContent(ours: Ours, dialect: Dialect, claimed: Claim): Promise<Met> {
  const { key, content } = claimed;
  const made = key === undefined ? undefined : await content.read();
  const account = await lockAccount(ours, dialect, claimed);
  if (key === undefined && !account.telling) return {};
  const names = made ?? (await content.read());
  const earlier =
    key === undefined
      ? undefined
      : await foundByContent(ours, dialect, account, names, content.withinMs);
  if (earlier !== undefined) return { earlier, byContent: true };
  const told = toldOf(names, claimed);
  if (account.telling || told !== undefined) {
    await enterNames(ours, dialect, account, names, told);
  }
  return {};
}

/** Looks for the transaction by the identities under which it may have been entered. */
async function foundElsewhere(
  { tx }: Ours,
  identities: readonly string[],
): Promise<TransactionResult | undefined> {
  const saved = await tx
    .selectFrom("powersync_ledger")
    .select("answer")
    .where("identity", "in", identities)
    // A client's decision concerns one identity only, so such answers are not found under another one.
    .where("handling", "is", null)
    .executeTakeFirst();
  return saved && answerOf(saved.answer);
}
