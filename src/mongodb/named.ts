/** Transactions that are told apart by their content, and the rows that others of their users name meanwhile. */
import type { AnyBulkWriteOperation } from "mongodb";
import type { FatalResult, TransactionResult } from "../model.js";
import { type ContentNames, namedMarginMs } from "../store/content.js";
import { answerOf } from "../store/saved-answers.js";
import type { Claim } from "../store/store.js";
import { typedJson } from "../wire/serialize.js";
import type { NamedDocument } from "./own.js";
import { dateOf, micros, type Sending } from "./sending.js";

/** A claim, and what it says of its content. */
export interface Naming extends Claim {
  readonly names: ContentNames;
}

interface Told {
  readonly key: string;
  readonly answer: FatalResult | undefined;
}

/** What a transaction is found by again, and its answer. Absent: it has no id; or the client decides, and its next try must not be taken for a repeat. */
export function toldOf({ names: { key }, answer }: Naming): Told | undefined {
  return key === undefined || answer?.requiresClientHandling ? undefined : { key, answer };
}

/** The answer to the same content, unless one of its rows has been named since. */
export async function answerByContent(
  { own, on, send, now }: Sending,
  { names: { key, rows, all }, subject, content }: Naming,
): Promise<TransactionResult | undefined> {
  if (key === undefined) return undefined;
  const told = await send(() => own.named.findOne({ _id: key }, on));
  if (told === null || told.namedAt < dateOf(now - content.withinMs * micros)) return undefined;
  const others = rows === undefined ? { subject } : { _id: { $in: [...rows, all] } };
  const since = { ...others, position: { $gt: told.position } };
  const named = await send(() => own.named.findOne(since, on));
  return named === null ? answerOf(told.answer) : undefined;
}

/** Whoever of the user's does the same meanwhile meets the account's document. */
export async function enterNames(
  { own, on, send, now }: Sending,
  { names: { rows, all }, subject, content: { withinMs } }: Naming,
  told: Told | undefined,
): Promise<void> {
  const account = await send(() => own.accounts.findOne({ _id: subject }, on));
  const since = dateOf(now - (withinMs + namedMarginMs) * micros);
  const toldAt = account?.toldAt ?? null;
  if (told === undefined && (toldAt === null || toldAt < since)) return;
  const position = (account?.position ?? 0) + 1;
  const namedAt = dateOf(now);
  const $set = { position, toldAt: told === undefined ? toldAt : namedAt };
  const $setOnInsert = { entered: 0 };
  await send(() =>
    own.accounts.updateOne({ _id: subject }, { $set, $setOnInsert }, { ...on, upsert: true }),
  );
  const enter = (_id: string, answer: string | null): AnyBulkWriteOperation<NamedDocument> => ({
    replaceOne: {
      filter: { _id },
      replacement: { subject, position, answer, namedAt },
      upsert: true,
    },
  });
  const entries = [...new Set(rows ?? [all])].map((hash) => enter(hash, null));
  if (told !== undefined)
    entries.push(enter(told.key, told.answer ? typedJson(told.answer) : null));
  await send(() => own.named.bulkWrite(entries, on));
}
