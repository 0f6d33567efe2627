/** A column of each type of Postgres: what it may be sent, what that means, and how what is stored is read. */
import {
  array,
  arrayText,
  bytes,
  document,
  documentText,
  text,
  word,
} from "./meaning-documents.js";
import {
  decimal,
  double,
  exactText,
  signedInteger,
  single,
  singleText,
} from "./meaning-numbers.js";
import {
  day,
  dayText,
  epochText,
  instant,
  interval,
  intervalText,
  time,
  timeText,
} from "./meaning-times.js";
import { listsOf, wordsOf } from "./sent-lists.js";
import { integers } from "./sent-numbers.js";
import { binaries, documents, texts } from "./sent-texts.js";
import { days, instants, intervals, times } from "./sent-times.js";
import {
  decimalOf,
  floatOf,
  integerOf,
  moods,
  textOf,
  truthOf,
  uuidOf,
  type ValueTable,
} from "./value-columns.js";

/** By its bytes: a driver may take the first character for a byte order mark. */
const hexOfText = (column: string) => `encode(convert_to(${column}, 'UTF8'), 'hex')`;
const asText = (column: string) => `${column}::text`;
const epoch = (column: string) => `extract(epoch from ${column})::text`;
const listed = (column: string) => `to_jsonb(${column}::text[])::text`;

const inPostgres = (columns: ValueTable["columns"]): ValueTable["columns"] =>
  Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, { read: asText, ...column }]),
  );

export const postgresValues: ValueTable = {
  before: [
    `create type mood as enum (${moods.map((mood) => `'${mood.replaceAll("'", "''")}'`).join(", ")})`,
    "create domain amount as integer",
    "create domain coordinate as numeric(8, 5)",
  ],
  columns: inPostgres({
    bool: truthOf("boolean"),
    int2: integerOf("smallint", signedInteger(16n)),
    int4: integerOf("integer", signedInteger(32n)),
    int8: integerOf("bigint", signedInteger(64n)),
    domain: integerOf("amount", signedInteger(32n)),
    numeric: decimalOf("numeric", decimal(131_072, 16_383)),
    numeric_12_2: decimalOf("numeric(12, 2)", decimal(10, 2)),
    numeric_domain: decimalOf("coordinate", decimal(3, 5)),
    float4: { ...floatOf("real", single), text: singleText },
    float8: floatOf("double precision", double),
    text: { ...textOf("text", text()), read: hexOfText },
    varchar: { ...textOf("varchar(20)", text({ length: 20 })), read: hexOfText },
    char: {
      ...textOf("char(20)", text({ length: 20, padded: true })),
      read: (column) => hexOfText(`${column}::text`),
    },
    uuid: uuidOf("uuid"),
    json: { type: "json", values: documents, meaning: document(true), text: documentText },
    jsonb: { type: "jsonb", values: documents, meaning: document(false), text: documentText },
    timestamptz: {
      type: "timestamptz",
      values: instants,
      meaning: instant({ how: "postgres", strict: true }),
      read: epoch,
      text: epochText,
    },
    timestamp: {
      type: "timestamp",
      values: instants,
      meaning: instant({ how: "postgres", strict: true }),
      read: epoch,
      text: epochText,
    },
    timestamptz_3: {
      type: "timestamptz(3)",
      values: instants,
      meaning: instant({ digits: 3, how: "postgres", strict: true }),
      read: epoch,
      text: epochText,
    },
    timestamp_0: {
      type: "timestamp(0)",
      values: instants,
      meaning: instant({ digits: 0, how: "postgres", strict: true }),
      read: epoch,
      text: epochText,
    },
    date: { type: "date", values: days, meaning: day, text: dayText },
    time: { type: "time", values: times, meaning: time({ how: "postgres" }), text: timeText },
    interval: {
      type: "interval",
      values: intervals,
      meaning: interval,
      text: intervalText,
    },
    bytea: {
      type: "bytea",
      values: binaries,
      meaning: bytes(),
      read: (column) => `encode(${column}, 'hex')`,
    },
    texts: {
      type: "text[]",
      values: listsOf(texts),
      meaning: array(text()),
      read: listed,
      text: arrayText((element) => element),
    },
    int4s: {
      type: "integer[]",
      values: listsOf(integers),
      meaning: array(signedInteger(32n)),
      read: listed,
      text: arrayText(exactText),
    },
    jsonbs: {
      type: "jsonb[]",
      values: listsOf(documents),
      meaning: array(document(false), true),
      read: listed,
      text: arrayText(documentText),
    },
    enumeration: { type: "mood", values: wordsOf(...moods), meaning: word(moods) },
  }),
};
