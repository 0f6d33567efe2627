/**
 * Long payloads, in parts: a statement or a row with a whole one may be more than the server takes at once (`max_allowed_packet` on MySQL and
 * MariaDB), and what can't be recorded would hold up its queue for ever. The letter's own column is empty then.
 */
import { type Expression, type SqlBool, sql, type Transaction } from "kysely";
import type { OwnTables } from "./tables.js";

/** Characters, all of them ASCII. Where a driver escapes them they are up to twice as many. */
const partLength = 1024 * 1024;

export interface PayloadText {
  /** For the letter's column. */
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

/** The text whose column this is. */
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

/** Makes room for an edited payload: what has been recorded stays as the original. To be called before the letters' columns change. */
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
