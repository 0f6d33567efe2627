/**
 * Transactions that the ledger can't find by their device: nobody says which it is, or it is new, and may have gone by another name before. They are
 * told apart by their content: see `Content`.
 *
 * A device that says itself which it is looks at none of this, unless its row says `told`. So its row is marked before the first transaction of its
 * user's is entered by its content, and whoever marks it waits for those of its transactions that have not seen the mark: see `enter` in `ledger.ts`.
 */
import type { TransactionResult } from "../model.js";
import type { ContentNames } from "../store/content.js";
import { answerOf } from "../store/saved-answers.js";
import type { Claim } from "../store/store.js";
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

/** What a closer look at a transaction, its device and its user has found. */
export interface Met {
  /** The saved answer: a replay, and nothing may be written. */
  readonly earlier?: TransactionResult;
  /** It was found by its content alone. */
  readonly byContent?: boolean;
  /** Another device's rows had to go. */
  readonly forgotten?: boolean;
}

/**
 * The transaction of a device that is new, or has sent nothing but repeats: it may have been answered while the device went by another name. And of one
 * whose user's transactions are told apart by their content: what it names is entered.
 */
export async function meet(
  ours: Ours,
  dialect: Dialect,
  claimed: Claim & { readonly key: string; readonly queue: string },
): Promise<Met> {
  const { key, queue, devices, content } = claimed;
  // Whoever holds the lock makes others wait.
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

/** What is tried once more names its rows once more: whatever is told apart by its content meanwhile must see that. */
export async function nameAgain(ours: Ours, dialect: Dialect, claimed: Claim): Promise<void> {
  const names = await claimed.content.read();
  const account = await lockAccount(ours, dialect, claimed);
  const told = claimed.content.entered ? toldOf(names, claimed) : undefined;
  if (account.telling || told !== undefined) {
    await enterNames(ours, dialect, account, names, told);
  }
}

/** What a transaction is found by again, and its answer. Absent: it has no id; or the client decides, and its next try must not be taken for a repeat. */
function toldOf({ key }: ContentNames, { answer }: Claim) {
  return key === undefined || answer?.requiresClientHandling ? undefined : { key, answer };
}

/** Where nobody says which device it is. Without a key, only what it names is entered. */
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

/** By one of the identities that a transaction may have been entered by. */
async function foundElsewhere(
  { tx }: Ours,
  identities: readonly string[],
): Promise<TransactionResult | undefined> {
  const saved = await tx
    .selectFrom("powersync_ledger")
    .select("answer")
    .where("identity", "in", identities)
    // An answer that a client has to decide about holds for its own identity alone.
    .where("handling", "is", null)
    .executeTakeFirst();
  return saved && answerOf(saved.answer);
}
