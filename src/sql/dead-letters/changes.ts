/** Statements that record a letter, and that change waiting letters. Long payloads are stored in parts. */
import {
  type Expression,
  type ExpressionBuilder,
  sql,
  type SqlBool,
  type Transaction,
} from "kysely";
import { type LetterChange, type NewLetter, waiting } from "../../store/letters.js";
import { canonicalJson, escapeText, typedJsonOfLarge } from "../../wire/serialize.js";
import type { Dialect } from "../dialect.js";
import { insertOrChange } from "../own-tables/rows.js";
import type { OwnTables, OwnTransaction } from "../own-tables/tables.js";
import {
  enterCreatedRows,
  lastInChain,
  nextInChain,
  removeCreatedRows,
  repeatsLast,
  uniqueContent,
} from "./dependants.js";

/** Takes a few statements, and one for each part of a long payload. If a letter with the same content waits already, it is counted instead. */
export async function insertLetter(
  tx: OwnTransaction,
  dialect: Dialect,
  place: string,
  letter: NewLetter,
): Promise<{ readonly id: string; readonly attempts: number }> {
  const { types } = dialect;
  const { root, content } = letter;
  // The payload is ASCII, so its length is its number of bytes.
  const text = await typedJsonOfLarge(letter.payload);
  const link =
    root === undefined ? undefined : await nextInChain(tx, dialect, root, content, text.length);
  const failure = {
    error_code: escapeText(letter.errorCode),
    message: escapeText(letter.message),
    operation_index: letter.operationIndex ?? null,
    last_seen_at: types.now,
  };
  if (link !== undefined && "same" in link) {
    await tx
      .updateTable("powersync_dead_letters")
      .set({ ...failure, attempts: sql<number>`${sql.ref("attempts")} + 1` })
      .where("id", "=", link.same)
      .execute();
    // Entered again, because an applied PUT may have removed rows from the letter since.
    await enterCreatedRows(tx, dialect, link.same, letter.creates);
    const { attempts } = await tx
      .selectFrom("powersync_dead_letters")
      .select("attempts")
      .where("id", "=", link.same)
      .executeTakeFirstOrThrow();
    return { id: link.same, attempts: Number(attempts) };
  }
  const payload = payloadText(text);
  const openContent = root === undefined ? content + place : uniqueContent(content, letter.id);
  const row = {
    ...failure,
    id: letter.id,
    user_id: escapeText(letter.userId),
    client_id: letter.clientId === undefined ? null : escapeText(letter.clientId),
    queue_id: letter.queueId === undefined ? null : escapeText(letter.queueId),
    identity: letter.identity ?? null,
    payload: payload.column,
    bytes: text.length,
    subject: letter.subject,
    content: letter.content,
    open_content: openContent,
    place,
    principal: letter.principal ?? null,
    row_hashes: letter.rowStates === undefined ? null : canonicalJson(letter.rowStates),
    table_names: tableNamesText(letter.tables),
    lossy_numbers: letter.lossyNumbers ? 1 : 0,
    ...link,
  };
  await insertOrChange(
    dialect,
    { tx, table: "powersync_dead_letters", key: ["open_content"] },
    [row],
    (stored) => ({ ...failure, attempts: sql`${stored("attempts")} + 1` }),
  );
  const { id, attempts } = await tx
    .selectFrom("powersync_dead_letters")
    .select(["id", "attempts"])
    .where("open_content", "=", openContent)
    .executeTakeFirstOrThrow();
  if (id === letter.id) await insertParts(tx, id, payload);
  await enterCreatedRows(tx, dialect, id, letter.creates);
  return { id, attempts: Number(attempts) };
}

/** Whether `insertLetter` would count a letter that waits already. */
export async function repeatsLetter(
  tx: OwnTransaction,
  dialect: Dialect,
  place: string,
  content: string,
  root: string | undefined,
): Promise<boolean> {
  if (root !== undefined) return repeatsLast(await lastInChain(tx, dialect, root), content);
  const found = await tx
    .selectFrom("powersync_dead_letters")
    .select("id")
    .where("open_content", "=", content + place)
    .executeTakeFirst();
  return found !== undefined;
}

/** The length of the original payload, after its parts were set aside. */
function originalLength(
  { types: { length = (text) => sql<number>`length(${text})` } }: Dialect,
  eb: ExpressionBuilder<OwnTables, "powersync_dead_letters">,
): Expression<number> {
  const inParts = eb
    .selectFrom("powersync_letter_parts")
    .select(sql<number>`coalesce(sum(${length(sql.ref("text"))}), 0)`.as("length"))
    .whereRef("powersync_letter_parts.letter", "=", "powersync_dead_letters.id")
    .where("powersync_letter_parts.original", "=", 1);
  const inColumn = length(sql`coalesce(${eb.ref("original_payload")}, ${eb.ref("payload")})`);
  return sql<number>`coalesce(nullif(${inColumn}, 0), ${inParts})`;
}

/** Each name is between commas, so that a name can be searched for. Commas in a name are escaped. */
function tableNamesText(names: readonly string[]): string {
  return `,${names.map(tableName).join(",")},`;
}

export function tableName(name: string): string {
  return escapeText(name).replaceAll(",", "\\u002c");
}

/** Changes a letter only if it still waits. */
export async function changeLetters(
  tx: OwnTransaction,
  dialect: Dialect,
  ids: readonly string[],
  { status, closed, failed, payload, rowStates }: LetterChange,
): Promise<void> {
  const { now } = dialect.types;
  const edited = payload === undefined ? "" : await typedJsonOfLarge(payload.value);
  const text = payloadText(edited);
  if (payload !== undefined) {
    await setPartsAside(tx, ids);
    for (const id of ids) await insertParts(tx, id, text);
  }
  await tx
    .updateTable("powersync_dead_letters")
    .$if(status !== undefined, (update) => update.set({ status: status ?? "open" }))
    .$if(closed !== undefined, (update) =>
      update.set({
        status: closed?.status ?? "open",
        closed_at: now,
        open_content: null,
        reason: closed?.reason === undefined ? null : escapeText(closed.reason),
      }),
    )
    .$if(failed !== undefined, (update) =>
      update.set({
        attempts: sql<number>`${sql.ref("attempts")} + 1`,
        last_seen_at: now,
        ...(failed?.error && {
          error_code: escapeText(failed.error.errorCode),
          message: escapeText(failed.error.message),
          operation_index: failed.error.operationIndex ?? null,
        }),
      }),
    )
    .$if(payload !== undefined, (update) =>
      update.set((eb) => ({
        // These come first: MySQL assigns one after the other, and later expressions see earlier values.
        bytes: sql<number>`${originalLength(dialect, eb)} + ${sql.lit(edited.length)}`,
        original_payload: sql<string>`coalesce(${eb.ref("original_payload")}, ${eb.ref("payload")})`,
        payload: text.column,
        table_names: tableNamesText(payload?.tables ?? []),
        row_hashes: payload?.rowStates === undefined ? null : canonicalJson(payload.rowStates),
        lossy_numbers: 0,
        overtaken: 0,
      })),
    )
    .$if(rowStates !== undefined, (update) => update.set({ row_hashes: canonicalJson(rowStates) }))
    .where("id", "in", ids)
    .where("status", "in", waiting)
    .execute();
  if (closed !== undefined || payload !== undefined) await removeCreatedRows(tx, ids);
  if (payload === undefined) return;
  for (const id of ids) await enterCreatedRows(tx, dialect, id, payload.creates);
}

/** Characters of one part, all ASCII. A driver that escapes them may send twice as many. */
const partLength = 1024 * 1024;

interface PayloadText {
  /** The value of the letter's own column. */
  readonly column: string;
  readonly parts: readonly string[];
}

/**
 * Splits a long payload. A statement or row with a whole payload may be larger than the server accepts (`max_allowed_packet` on MySQL and MariaDB), and a
 * transaction that can't be recorded would block its queue forever. The letter's own column is empty then.
 */
function payloadText(text: string): PayloadText {
  if (text.length <= partLength) return { column: text, parts: [] };
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += partLength) parts.push(text.slice(at, at + partLength));
  return { column: "", parts };
}

async function insertParts(
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
async function setPartsAside(
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
