/** The ledger: what has been answered. Its row commits together with the data, so that a transaction that is sent twice is applied once. */
import { type Expression, sql, type Transaction } from "kysely";
import type { TransactionResult } from "../../model.js";
import { Contention } from "../../store/failures.js";
import {
  answerOf,
  type Claim,
  type EarlierCopy,
  handlingOf,
  isTriedAnew,
} from "../../store/ledger.js";
import { typedJson } from "../../wire/serialize.js";
import type { Dialect } from "../dialect.js";
import { insertMissing } from "../own-tables/rows.js";
import type { OwnTables } from "../own-tables/tables.js";
import { keepCompiled } from "../rows/compiled.js";
import { parametersOf } from "../rows/statements.js";
import type { Texts } from "../rows/target.js";
import { forUpdate } from "../select.js";
import { claimByContent, claimWithAccount, enterNamesAgain } from "./content.js";
import type { LedgerTables } from "./devices.js";
import {
  entered,
  entering,
  type EntryForm,
  entryOf,
  hasLetters,
  type Subject,
  timeBefore,
} from "./entry.js";

interface ClaimOptions {
  /** Sets the transaction's time limits: as a SELECT inside the first statement, or as statements of their own. */
  readonly limits: ClaimLimits | undefined;
  /** Where the statement is kept that enters a row. */
  readonly texts: Texts;
  /** The user whose waiting letters are looked for. Absent: none are looked for. */
  readonly lettersOf: Subject | undefined;
}

interface ClaimLimits {
  readonly select: Expression<unknown>;
  /** What `select` depends on. */
  readonly what: string;
  send(): Promise<void>;
}

/** A claim by a device that is known, or that will be entered. */
type DeviceClaim = Claim & { readonly key: string; readonly queue: string };

function isOfDevice(claimed: Claim): claimed is DeviceClaim {
  return claimed.key !== undefined && claimed.queue !== undefined;
}

/**
 * Enters a transaction's answer unless there is one already, and says whether letters of the user wait.
 * Waits for an identical transaction that has not been committed yet. Takes one statement; up to three on a replay; and a few more for a queue's first
 * transaction, and if the user has transactions that are distinguished by their content.
 *
 * @throws TooManyDevices
 */
async function claim(
  ours: LedgerTables,
  dialect: Dialect,
  claimed: Claim,
  options: ClaimOptions,
): Promise<ClaimOutcome> {
  const { limits, lettersOf, texts } = options;
  if (!isOfDevice(claimed)) return claimByContent(ours, dialect, claimed);
  const { key: identity, request, known = false } = claimed;
  const { tx } = ours;
  const first = known ? undefined : await enter(ours, dialect, claimed, options);
  if (first !== undefined) return first;
  for (let isEntered = known; ; isEntered = true) {
    // Locked, because on MySQL, at a stricter isolation level, a plain read would fix the snapshot before the wait for the user's account.
    const saved = await forUpdate(
      dialect,
      tx
        .selectFrom("powersync_ledger")
        .select(["answer", "request", "handling"])
        .where("identity", "=", identity),
    ).executeTakeFirst();
    if (saved !== undefined) {
      // Some drivers return a bigint.
      const handling = saved.handling === null ? null : Number(saved.handling);
      if (isTriedAnew(handling, claimed)) {
        await enterNamesAgain(ours, dialect, claimed);
        await enterAnew(tx, dialect, claimed, handling);
        return { hasLetters: lettersOf !== undefined && (await askForLetters(tx, lettersOf)) };
      }
      if (saved.request !== request) await replay(tx, dialect, claimed);
      return { earlier: answerOf(saved.answer), hasLetters: false };
    }
    // The row was pruned after the INSERT had found it. The next attempt will find none.
    if (isEntered) throw new Contention("The ledger's row has just been removed.");
    // Without a device nothing was selected, so the time limits may not be set yet.
    await limits?.send();
    const copy = await claimWithAccount(ours, dialect, claimed);
    const again = await enter(ours, dialect, claimed, {
      limits: undefined,
      lettersOf,
      texts,
      copy,
    });
    if (again !== undefined) return { ...again, ...copy };
  }
}

/**
 * Claims the transactions of a unit in order, until one has an earlier copy. Only the first claim sets time limits and looks for letters.
 *
 * @throws TooManyDevices
 */
export async function claimAll(
  ours: LedgerTables,
  dialect: Dialect,
  claims: readonly Claim[],
  options: ClaimOptions,
): Promise<{ readonly first?: ClaimOutcome; readonly earlier?: TransactionResult }> {
  let first: ClaimOutcome | undefined;
  for (const claimed of claims) {
    const rest = { ...options, limits: undefined, lettersOf: undefined };
    const outcome = await claim(ours, dialect, claimed, first === undefined ? options : rest);
    first ??= outcome;
    const { earlier } = outcome;
    if (earlier !== undefined) return { first, earlier };
  }
  return first === undefined ? {} : { first };
}

export interface ClaimOutcome extends EarlierCopy {
  /** Absent: nobody has looked for letters. */
  readonly hasLetters?: boolean;
}

/**
 * When the request began, in the database's time, so that all processes agree on the order of requests. It is computed from the time of the statement,
 * after the process's clock was read. A request therefore never seems to have begun too early, before the answer to the previous one.
 */
function begun(dialect: Dialect, claimed: Claim): Expression<unknown> {
  return timeBefore(dialect, beganMsAgo(claimed));
}

function beganMsAgo({ requestBegan }: Claim): number {
  return performance.now() - requestBegan;
}

interface EnterOptions extends ClaimOptions {
  /** Absent: nobody has looked for an earlier copy. */
  readonly copy?: EarlierCopy;
}

/**
 * Inserts the row in one statement. `undefined`: the row exists, or the queue is unknown or unsettled. Until the transaction ends, nobody can begin to
 * distinguish the user's transactions by their content.
 */
async function enter(
  ours: LedgerTables,
  dialect: Dialect,
  claimed: DeviceClaim,
  { limits, lettersOf, copy, texts }: EnterOptions,
): Promise<ClaimOutcome | undefined> {
  const { tx, own } = ours;
  const { key, queue, request } = claimed;
  const saved = savedAnswer(claimed, copy?.earlier);
  const values = { ...saved, ...lettersOf, key, queue, request, ms: beganMsAgo(claimed) };
  const form: EntryForm = {
    isApplied: saved.answer === null && copy?.earlier === undefined,
    isFirst: copy === undefined,
    letters: lettersOf !== undefined,
    limits: limits?.select,
  };
  if (dialect.inserts === "merge") {
    const into = { tx, table: "powersync_ledger", key: ["identity"] } as const;
    const row = entryOf(ours, dialect, form, (name) => values[name]);
    if ((await insertMissing(dialect, into, row)) !== 1n) return undefined;
    return { hasLetters: lettersOf !== undefined && (await askForLetters(tx, lettersOf)) };
  }
  const what = `enter ${form.isApplied} ${form.isFirst} ${form.letters} ${limits?.what}`;
  const text =
    texts.get(own)?.get(what) ?? keepCompiled(texts, own, what, entering(ours, dialect, form));
  const parameters = parametersOf(text, { claim: values });
  return entered(dialect, await tx.executeQuery({ ...text, parameters }));
}

/** The columns for the answer that is saved, or that the transaction has had under another identity. */
function savedAnswer(claimed: Claim, earlier?: TransactionResult) {
  const answer = earlier?.status === "fatal_error" ? earlier : claimed.answer;
  return {
    answer: answer ? typedJson(answer) : null,
    handling: claimed.answer && !earlier ? handlingOf(claimed) : null,
  };
}

/** The columns of a row for the answer, and for the request in which it was first given. */
function answered(dialect: Dialect, claimed: Claim) {
  const { request } = claimed;
  const requestAt = begun(dialect, claimed);
  const saved = savedAnswer(claimed);
  return {
    ...saved,
    request,
    request_at: requestAt,
    first_request: request,
    first_request_at: requestAt,
    applied_at: saved.answer === null ? dialect.types.now : null,
  };
}

/** Replaces an answer after the client's decision. If a copy does the same at the same time, it is waited for, and its answer counts. */
async function enterAnew(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  claimed: DeviceClaim,
  handling: number,
): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable("powersync_ledger")
    .set({ ...answered(dialect, claimed), answered_at: dialect.types.now })
    .where("identity", "=", claimed.key)
    .where("handling", "=", handling)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new Contention("The transaction has just been answered.");
}

/** Whether letters of the user wait, as a separate statement. */
export async function askForLetters(
  tx: Transaction<OwnTables>,
  lettersOf: Subject,
): Promise<boolean> {
  const { rows } = await sql<{ answer: unknown }>`
    select case when ${hasLetters(tx, lettersOf)} then 1 else 0 end as answer
  `.execute(tx);
  return Number(rows[0]?.answer) === 1;
}

/** Assigns the row to the later of the two requests. */
async function replay(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  claimed: DeviceClaim,
): Promise<void> {
  const requestAt = begun(dialect, claimed);
  await tx
    .updateTable("powersync_ledger")
    .set(({ ref }) => {
      const ifLater = (later: unknown, column: "request" | "request_at") =>
        sql<never>`case when ${ref("request_at")} < ${requestAt} then ${later} else ${ref(column)} end`;
      // The order matters: MySQL assigns one after the other, and later expressions see earlier values.
      return {
        request: ifLater(claimed.request, "request"),
        request_at: ifLater(requestAt, "request_at"),
        answered_at: dialect.types.now,
      };
    })
    .where("identity", "=", claimed.key)
    .execute();
}
