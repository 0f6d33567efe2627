/** What a table of values is, and columns that every database has. */
import type { Arbitrary } from "fast-check";
import type { Meaning, Sent } from "./meaning.js";
import { uuid, uuidText } from "./meaning-documents.js";
import { doubleText, exactText, truth, truthText } from "./meaning-numbers.js";
import { decimals, integers, truths } from "./sent-numbers.js";
import { texts, uuids } from "./sent-texts.js";

export interface ValueColumn {
  readonly type: string;
  readonly values: Arbitrary<Sent>;
  readonly meaning: Meaning;
  /** The database's own text of what is stored. Default: the column as it is. */
  readonly read?: (column: string) => string;
  /** That text's meaning. Default: itself. */
  readonly text?: (stored: string) => string;
}

export interface ValueTable {
  /** Statements that come before it. */
  readonly before: readonly string[];
  /** By name. */
  readonly columns: Readonly<Record<string, ValueColumn>>;
}

export const moods = ["happy", "sad", "so so", "Quote's"] as const;
export const integerOf = (type: string, meaning: Meaning): ValueColumn => ({
  type,
  meaning,
  values: integers,
  text: exactText,
});
export const decimalOf = (type: string, meaning: Meaning): ValueColumn => ({
  type,
  meaning,
  values: decimals,
  text: exactText,
});
export const floatOf = (type: string, meaning: Meaning): ValueColumn => ({
  type,
  meaning,
  values: decimals,
  text: doubleText,
});
export const textOf = (type: string, meaning: Meaning): ValueColumn => ({
  type,
  meaning,
  values: texts,
  text: (hexadecimal) => Buffer.from(hexadecimal, "hex").toString(),
});
export const truthOf = (type: string): ValueColumn => ({
  type,
  meaning: truth,
  values: truths,
  text: truthText,
});
export const uuidOf = (type: string): ValueColumn => ({
  type,
  meaning: uuid,
  values: uuids,
  text: uuidText,
});

/** SQLite's `hex` makes an empty text of NULL. */
export const hex = (column: string) =>
  `case when ${column} is not null then lower(hex(${column})) end`;
