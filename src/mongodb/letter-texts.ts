/** Long texts of letters, in parts that each fit a document: what can't be recorded would hold up its queue for ever. */
import type { LetterPartDocument, LetterText } from "./own.js";
import type { Sending } from "./sending.js";

/** UTF-16 code units: at most three bytes each, and a document holds 16 MiB. */
const partLength = 4 * 1024 * 1024;

/** @param texts `undefined`: there is none */
export async function insertTexts(
  { own: { parts }, on, send }: Sending,
  letter: string,
  texts: Readonly<Partial<Record<LetterText, string | undefined>>>,
): Promise<void> {
  for (const [kind, text] of Object.entries(texts) as [LetterText, string | undefined][]) {
    for (const [nr, part] of cut(text).entries()) {
      const _id = `${letter} ${kind} ${nr}`;
      await send(() => parts.insertOne({ _id, letter, kind, nr, text: part }, on));
    }
  }
}

function cut(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  const parts: string[] = [];
  for (let at = 0; at < text.length;) {
    // No half of a surrogate pair at an end: the driver would replace it.
    const end = Math.min(text.length, at + partLength);
    const whole = end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1)) ? end - 1 : end;
    parts.push(text.slice(at, whole));
    at = whole;
  }
  return parts;
}

export async function textsOf(
  { own: { parts }, on, send }: Sending,
  letter: string,
): Promise<Readonly<Partial<Record<LetterText, string>>>> {
  const found = await send(() =>
    parts.find({ letter }, { ...on, sort: { kind: 1, nr: 1 } }).toArray(),
  );
  const texts: Partial<Record<LetterText, string>> = {};
  for (const { kind, text } of found) texts[kind] = (texts[kind] ?? "") + text;
  return texts;
}

/** What has been recorded stays as the original, the payload and what was read of its rows make room. */
export async function setAside(sending: Sending, letter: string, isFirst: boolean): Promise<void> {
  const { own, on, send } = sending;
  if (isFirst) {
    const recorded = (await textsOf(sending, letter)).payload;
    await insertTexts(sending, letter, { original: recorded });
  }
  await removeTexts({ own, on, send }, [letter], ["payload", "rowStates"]);
}

export async function removeTexts(
  { own: { parts }, on, send }: Pick<Sending, "own" | "on" | "send">,
  letters: readonly string[],
  kinds?: readonly LetterPartDocument["kind"][],
): Promise<void> {
  const of = { letter: { $in: [...letters] }, ...(kinds && { kind: { $in: [...kinds] } }) };
  await send(() => parts.deleteMany(of, on));
}
