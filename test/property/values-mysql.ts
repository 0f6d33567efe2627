/** A column of each type of MariaDB and of MySQL: what it may be sent, what that means, and how what is stored is read. */
import { any, either, jsonOf, type Meaning, parsed } from "./meaning.js";
import { bytes, document, documentText, text, uuid, word, words } from "./meaning-documents.js";
import {
  decimal,
  double,
  exactText,
  signedInteger,
  single,
  singleText,
  unsignedInteger,
} from "./meaning-numbers.js";
import {
  day,
  dayText,
  type Digits,
  epochText,
  instant,
  instantText,
  time,
  timeText,
} from "./meaning-times.js";
import { setsOf, wordsOf } from "./sent-lists.js";
import { binaries, documents, uuids } from "./sent-texts.js";
import { days, instants, times } from "./sent-times.js";
import {
  decimalOf,
  floatOf,
  hex,
  integerOf,
  moods,
  textOf,
  truthOf,
  uuidOf,
  type ValueTable,
} from "./value-columns.js";

const asChar = (column: string) => `cast(${column} as char)`;
const inMysql = (columns: ValueTable["columns"]): ValueTable["columns"] =>
  Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, { read: asChar, ...column }]),
  );
const listOf = (words: readonly string[]) =>
  words.map((each) => `'${each.replaceAll("'", "''")}'`).join(", ");

/** The type has no place for versions 8 and above in some of the variants. */
const mariadbUuid: Meaning = (value) => {
  const verdict = uuid(value);
  return "as" in verdict && /^.{12}[89a-f]/.test(verdict.as) ? either(verdict.as) : verdict;
};

const common = (how: Digits): ValueTable["columns"] => ({
  tinyint_1: truthOf("tinyint(1)"),
  bit_1: { ...truthOf("bit(1)"), read: (column) => `cast(${column} + 0 as char)` },
  tinyint_: integerOf("tinyint", signedInteger(8n)),
  smallint_: integerOf("smallint", signedInteger(16n)),
  int_: integerOf("int", signedInteger(32n)),
  int_unsigned: integerOf("int unsigned", unsignedInteger(32n)),
  bigint_: integerOf("bigint", signedInteger(64n)),
  bigint_unsigned: integerOf("bigint unsigned", unsignedInteger(64n)),
  decimal_12_2: decimalOf("decimal(12, 2)", decimal(10, 2)),
  decimal_30_10: decimalOf("decimal(30, 10)", decimal(20, 10)),
  // As a float it is written with six digits.
  float_: {
    ...floatOf("float", single),
    text: singleText,
    read: (column) => `cast(cast(${column} as double) as char)`,
  },
  double_: floatOf("double", double),
  varchar_: { ...textOf("varchar(20)", text({ length: 20 })), read: hex },
  text_: { ...textOf("text", text({ bytes: 65_535 })), read: hex },
  char_36: {
    ...textOf("char(36)", text({ length: 36, padded: true })),
    read: hex,
    values: uuids,
  },
  datetime_6: {
    type: "datetime(6)",
    values: instants,
    meaning: instant({ how, from: "1000-01-01" }),
    text: instantText,
  },
  datetime_0: {
    type: "datetime",
    values: instants,
    meaning: instant({ digits: 0, how, from: "1000-01-01" }),
    text: instantText,
  },
  timestamp_6: {
    type: "timestamp(6) null",
    values: instants,
    meaning: instant({ how, from: "1970-01-01T00:00:01", to: "2038-01-19T03:14:07" }),
    read: (column) => `cast(unix_timestamp(${column}) as char)`,
    text: epochText,
  },
  date_: { type: "date", values: days, meaning: day, text: dayText },
  time_: {
    type: "time",
    values: times,
    meaning: time({ digits: 0, hours: 838, how }),
    text: timeText,
  },
  time_6: {
    type: "time(6)",
    values: times,
    meaning: time({ hours: 838, how }),
    text: timeText,
  },
  blob_: { type: "blob", values: binaries, meaning: bytes({ most: 65_535 }), read: hex },
  binary_16: {
    type: "binary(16)",
    values: binaries,
    meaning: bytes({ exactly: 16 }),
    read: hex,
  },
  enumeration: {
    type: `enum(${listOf(moods)})`,
    values: wordsOf(...moods),
    meaning: word(moods),
  },
  words: {
    type: "set('a', 'b', 'C c')",
    values: setsOf("a", "b", "C c"),
    meaning: words(["a", "b", "C c"]),
  },
});

/** What it makes of numbers that it can't keep is a case in mysql-values.test.ts. */
const mysqlDocument: Meaning = (value) => {
  const verdict = document(true, 99)(value);
  let kept = true;
  parsed(typeof value === "string" ? value : jsonOf(value), (source) => {
    kept &&= isKept(source);
    return 0;
  });
  return kept || verdict.must === "refuse" ? verdict : any;
};

/** An integer of 64 bits, signed or not; any other number is a double. */
function isKept(source: string): boolean {
  if (/^-?\d+$/.test(source)) {
    const number = BigInt(source);
    if (number >= -(2n ** 63n) && number < 2n ** 64n) return true;
  }
  return exactText(String(Number(source))) === exactText(source);
}

const json = { type: "json", values: documents, text: documentText };

export const mariadbValues: ValueTable = {
  before: [],
  columns: inMysql({
    ...common("mariadb"),
    uuid_: { ...uuidOf("uuid"), meaning: mariadbUuid },
    json_: { ...json, meaning: document(true, 30) },
  }),
};

/** It has no type for a UUID. */
export const mysqlValues: ValueTable = {
  before: [],
  columns: inMysql({ ...common("mysql"), json_: { ...json, meaning: mysqlDocument } }),
};
