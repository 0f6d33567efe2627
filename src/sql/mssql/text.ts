/** Converts text for columns of SQL Server, and refuses text that the column would change: `varchar` replaces characters that its code page lacks by `?`. */
import { InvalidValue } from "../../store/failures.js";
import type { Column } from "../../store/tables.js";
import { plainText } from "../../store/values.js";
import { stringifyJson } from "../../wire/serialize.js";

const fixed: ReadonlySet<string> = new Set(["char", "nchar"]);
const utf8 = 65_001;

/** Accepts text that the column stores unchanged. */
export function textFor(column: Column, value: unknown, lossyNumbers: boolean): string {
  const text = plainText(value, lossyNumbers, stringifyJson);
  const { charset, length = Infinity, type } = column;
  const codePage = charset === undefined ? undefined : codePageOf(charset);
  if (codePage !== undefined) refuseForeign(codePage, text);
  if (sizeOf(text, codePage) > length) throw new InvalidValue("The text is too long.");
  if (fixed.has(type) && text.endsWith(" "))
    throw new InvalidValue("The column does not keep spaces at the end.");
  return text;
}

/** Reads a column's code page and collation from `charset`, such as `1252 Latin1_General_CI_AS`. */
export function charsetOf(codePage: number, collation: string): string {
  return `${codePage} ${collation}`;
}

function codePageOf(charset: string): number {
  return Number.parseInt(charset, 10);
}

/** `undefined`: the name is not a collation's. */
export function collationOf(charset: string): string | undefined {
  return /^\d+ (\w+)$/.exec(charset)?.[1];
}

const encoder = new TextEncoder();

/** `nvarchar` counts UTF-16 code units, and `varchar` counts bytes. For code pages with characters of two bytes, the server decides. */
function sizeOf(text: string, codePage: number | undefined): number {
  return codePage === utf8 ? encoder.encode(text).length : text.length;
}

/** The names of code pages in the Encoding Standard. */
const encodings: ReadonlyMap<number, string> = new Map([
  ...[874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258].map(
    (codePage) => [codePage, `windows-${codePage}`] as const,
  ),
  [932, "shift_jis"],
  [936, "gbk"],
  [949, "euc-kr"],
  [950, "big5"],
]);
const ascii = /^[\0-\x7f]*$/;

/** For a code page that the Encoding Standard does not have, only ASCII is certain. */
function refuseForeign(codePage: number, text: string): void {
  if (codePage === utf8 || ascii.test(text)) return;
  const characters = charactersOf(codePage);
  for (const character of text)
    if (!ascii.test(character) && !characters.has(character))
      throw new InvalidValue("The column's code page has not all of the text's characters.");
}

const none: ReadonlySet<string> = new Set();
/** Remembered, because they never change and take some time to compute. */
const known = new Map<number, ReadonlySet<string>>();

function charactersOf(codePage: number): ReadonlySet<string> {
  const found = known.get(codePage) ?? readCharacters(codePage);
  known.set(codePage, found);
  return found;
}

function readCharacters(codePage: number): ReadonlySet<string> {
  const encoding = encodings.get(codePage);
  if (encoding === undefined) return none;
  const decoder = new TextDecoder(encoding);
  const characters = new Set<string>();
  const add = (...bytes: readonly number[]) => {
    const character = decoder.decode(Uint8Array.from(bytes));
    if (Array.from(character).length === 1 && character !== "\ufffd") characters.add(character);
  };
  for (let first = 0x80; first <= 0xff; first += 1) {
    add(first);
    if (codePage >= 932 && codePage <= 950)
      for (let second = 0x40; second <= 0xff; second += 1) add(first, second);
  }
  return characters;
}
