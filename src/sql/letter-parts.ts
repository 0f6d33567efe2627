/**
 * Stores long payloads in parts. A statement or row with a whole payload may be larger than the server accepts (`max_allowed_packet` on MySQL and
 * MariaDB), and a transaction that can't be recorded would block its queue forever. The letter's own column is empty then.
 */
import { type Expression, type SqlBool, sql, type Transaction } from "kysely";
import type { OwnTables } from "./tables.js";

/** Characters of one part, all ASCII. A driver that escapes them may send twice as many. */
const partLength = 1024 * 1024;

export interface PayloadText {
  /** The value of the letter's own column. */
  readonly column: string;
  readonly parts: readonly string[];
}

export function payloadText(text: string): PayloadText {
  if (text.length <= partLength) return { column: text, parts: [] };
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += partLength) parts.push(text.slice(at, at + partLength));
  return { column: "", parts };
}

export async function insertParts(
  tx: Transaction<OwnTables>,
  letter: string,
  { parts }: PayloadText,
): Promise<void> {
  for (const [part, text] of parts.entries()) {
    await tx
      .insertInto("powersync_letter_parts")
      .values({ id: crypto.randomUUID(), letter, original: 0, part, text })
      .execute();
  }
}

/** The column's text, put together from its parts. */
export async function wholeText(
  tx: Transaction<OwnTables>,
  letter: string,
  column: string,
  original: boolean,
): Promise<string> {
  if (column !== "") return column;
  const rows = await tx
    .selectFrom("powersync_letter_parts")
    .select("text")
    .where("letter", "=", letter)
    .where("original", "=", original ? 1 : 0)
    .orderBy("part")
    .execute();
  return rows.map(({ text }) => text).join("");
}

/** Keeps the recorded payload's parts as the original, before an edit. Call it before the letters' columns change. */
export async function setPartsAside(
  tx: Transaction<OwnTables>,
  letters: readonly string[],
): Promise<void> {
  const recorded = tx
    .selectFrom("powersync_dead_letters")
    .select("id")
    .where("id", "in", letters)
    .where("original_payload", "is", null);
  await tx
    .updateTable("powersync_letter_parts")
    .set({ original: 1 })
    .where(sql<SqlBool>`${sql.ref("letter")} in ${recorded as Expression<unknown>}`)
    .execute();
  await tx
    .deleteFrom("powersync_letter_parts")
    .where("letter", "in", letters)
    .where("original", "=", 0)
    .execute();
}
