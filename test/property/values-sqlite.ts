/** A column of each type that SQLite knows, or that people declare there. */
import { bytes, documentText, sqliteDocument, text } from "./meaning-documents.js";
import { decimal, double, signedInteger, sqliteNumber } from "./meaning-numbers.js";
import { day, dayText, instant, instantText, time, timeText } from "./meaning-times.js";
import { binaries, documents } from "./sent-texts.js";
import { days, instants, times } from "./sent-times.js";
import {
  decimalOf,
  floatOf,
  hex,
  integerOf,
  textOf,
  truthOf,
  uuidOf,
  type ValueTable,
} from "./value-columns.js";

export const sqliteValues: ValueTable = {
  before: [],
  columns: {
    integer_: integerOf("integer", signedInteger(64n)),
    int4: integerOf("int4", signedInteger(32n)),
    bigint_: integerOf("bigint", signedInteger(64n)),
    real_: floatOf("real", double),
    float8: floatOf("double precision", double),
    numeric_: decimalOf("numeric", sqliteNumber()),
    decimal_12_2: decimalOf("decimal(12, 2)", sqliteNumber(decimal(10, 400))),
    text_: { ...textOf("text", text()), read: hex },
    varchar_: { ...textOf("varchar(20)", text({ length: 20 })), read: hex },
    blob_: {
      type: "blob",
      values: binaries,
      meaning: bytes(),
      read: hex,
    },
    boolean_: truthOf("boolean"),
    datetime_: {
      type: "datetime",
      values: instants,
      meaning: instant({ how: "kept" }),
      text: instantText,
    },
    date_: { type: "date", values: days, meaning: day, text: dayText },
    time_: { type: "time", values: times, meaning: time({ how: "kept" }), text: timeText },
    json_: {
      type: "json",
      values: documents,
      meaning: sqliteDocument,
      text: documentText,
    },
    uuid_: uuidOf("uuid"),
  },
};
