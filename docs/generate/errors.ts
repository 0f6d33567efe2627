/** `docs/errors.md`: what every published error of a database means here, and how many there are of each meaning. */
import {
  messages as poolMessages,
  connectionCodes as socketCodes,
} from "../../src/sql/connection-errors.js";
import type { Meaning } from "../../src/store/failures.js";
import { clientCodes, clientMessages, signals } from "../../src/sql/mysql/errors.js";
import { sqlstates as shippedSqlstates } from "../../src/sql/postgres/errors.js";
import { resultFamilies } from "../../src/sql/sqlite/errors.js";
import { serverErrors } from "./codes/mysql.js";
import { sqlstates } from "./codes/postgres.js";
import { resultCodes } from "./codes/sqlite.js";
import { banner, code, paragraphs, table } from "./markdown.js";

const words: Readonly<Record<Meaning, string>> = {
  NOT_NULL_VIOLATION: "fatal: `NOT_NULL_VIOLATION`",
  UNIQUE_VIOLATION: "fatal: `UNIQUE_VIOLATION`",
  FOREIGN_KEY_VIOLATION: "fatal: `FOREIGN_KEY_VIOLATION`",
  CHECK_VIOLATION: "fatal: `CHECK_VIOLATION`",
  CONSTRAINT_VIOLATION: "fatal: `CONSTRAINT_VIOLATION`",
  INVALID_DATA: "fatal: `INVALID_DATA`",
  contention: "retryable: others are in the way; tried again in the server first",
  busy: "retryable: waited too long for others",
  schema: "retryable: the schema is being changed; read again, and tried once more",
  generated: "fatal: `FORBIDDEN_COLUMN`, where the client sent it; else retryable",
  permission: "retryable: a grant is missing",
  exhausted: "retryable: the table has no number left for a new row",
  outage: "retryable: the database can't be reached, or can't write",
  other: "retryable: not known to be the data's fault",
};

type Row = readonly [code: string, name: string, meaning: Meaning];

const postgres: readonly Row[] = sqlstates;
const mysql: readonly Row[] = serverErrors.map(([errno, name, meaning, sqlstate]) => [
  sqlstate === undefined ? String(errno) : `${errno} (${sqlstate})`,
  name,
  meaning,
]);
const sqlite: readonly Row[] = resultCodes.map(([name, number, meaning]) => [
  String(number),
  name,
  meaning,
]);
/** Errors on the way to the database, whichever it is. */
const ways: readonly Row[] = [
  ...[...socketCodes].map((each): Row => [each, "socket", "outage"]),
  ...[...clientCodes].map((each): Row => [each, "`mysql2`", "outage"]),
  ...poolMessages.map((each): Row => [said(each), "`pg`", "outage"]),
  ...clientMessages.map((each): Row => [said(each), "`mysql2`", "outage"]),
];

/** The classes of SQLSTATEs that have a meaning as a whole. */
const classes: Readonly<Record<string, Meaning>> = Object.fromEntries(
  Object.entries(shippedSqlstates)
    .flatMap(([meaning, codes]) => codes.map((each) => [each, meaning as Meaning] as const))
    .filter(([each]) => each.length === 2),
);

export async function errorsPage(): Promise<string> {
  return paragraphs(
    banner,
    "# Errors",
    ...prose,
    "## Which column",
    "A failure about a value names its column by the client's name: in `message`, which the dead letter keeps, and in `details`.",
    example,
    "With several columns, `details` is `{ column, columns }`: the first, and all. The row id is `id`, whatever the key's columns are called. A column that clients don't know by the table's rule (what the server sets, what the database computes or numbers, what `columns` does not list) is not told to them, nor is a constraint's name: these are in the log, and in `about` of the event `dead_letter`.",
    table(
      ["what fails", "Postgres", "MySQL and MariaDB", "SQLite"],
      [
        ["`INVALID_DATA`, of the library's conversion", "yes", "yes", "yes"],
        [
          "`INVALID_DATA`, of the database",
          "where the row has one value of such a type",
          "yes",
          "no",
        ],
        ["`NOT_NULL_VIOLATION`", "yes", "yes", "yes"],
        ["`UNIQUE_VIOLATION`", "yes", "yes", "yes"],
        ["`FOREIGN_KEY_VIOLATION`, of the row that refers", "yes", "yes", "no"],
        ["`CHECK_VIOLATION`", "yes", "yes", "of a check without a name"],
      ],
    ),
    "Of an index on an expression, and of what a trigger does to another table, no column is told. Of a foreign key that waits for `COMMIT`, Postgres tells it; which operation broke it, nobody says.",
    "## Summary",
    summary(),
    "## Postgres",
    "By SQLSTATE, one row for each of the documentation's appendix A. With [`rls`](rls.md) the database says who may write what, and `42501` is fatal: `UNAUTHORIZED`.",
    listing(postgres, "SQLSTATE"),
    `A code that is not here means what its class does: ${spelled(classes)}. Of any other, the error's fields tell whose it is: what a PL/pgSQL function raised (\`RAISE EXCEPTION … USING ERRCODE = 'PT402'\`) is the application's word, fatal \`CONSTRAINT_VIOLATION\`; a syntax error (\`42601\`) that stands nowhere in the statement, or an internal error (\`XX000\`) in a type's input, as of \`tsquery\`, \`ltree\`, \`hstore\` and PostGIS, is a value that the type does not take, fatal \`INVALID_DATA\`. The rest is retryable. [\`errors\`](configuration.md#errors) says otherwise.`,
    "## MySQL and MariaDB",
    "By error number. Numbers above 3000 are assigned twice; a row with an SQLSTATE holds for that alone.",
    listing(mysql, "number"),
    "Where an AUTO_INCREMENT column is at its end, MariaDB gives the engine's number `167`, and MySQL says `1062` of the last number; both are known, and mean that the table has no number left.",
    `What a trigger or a procedure signals means what the class of its SQLSTATE does: ${spelled(signals)}. Any other is the application's word, fatal \`CONSTRAINT_VIOLATION\`; but with a number of its own (\`MYSQL_ERRNO\`) and a state outside class 45, it is what the number means. [\`errors\`](configuration.md#errors) says otherwise.`,
    "## SQLite",
    "By result code, extended ones included: `better-sqlite3` gives its name, `node:sqlite` its number.",
    listing(sqlite, "number"),
    `An extended code that is not here means what its primary code does for ${resultFamilies.map((each) => code(`SQLITE_${each}`)).join(", ")}. Any other is retryable.`,
    "## On the way to the database",
    "Sockets, and what the drivers and their pools say themselves. All are retryable.",
    table(
      ["code or message", "from"],
      ways.map(([each, from]) => [code(each), from]),
    ),
  );
}

const example = `\`\`\`json
{
  "error_code": "UNIQUE_VIOLATION",
  "message": "Column \\"sku\\": Another row already has a value that must be unique.",
  "details": { "column": "sku" },
  "operation_index": 3
}
\`\`\``;

const prose = [
  "An error is **fatal** only where it is known that sending the same again can't help: the transaction is recorded as a dead letter, and the device goes on. Everything else is **retryable**, and the device keeps its write: an outage must never cost data. What no table knows is retryable.",
  "Only what the application's own statements meet can be fatal. The library's own (the ledger, dead letters, the beginning of a transaction) break no rule of the application's, so their failures are retryable whatever their code. No driver's text reaches a client; it goes to `onEvent`.",
];

function summary(): string {
  const of = { Postgres: postgres, "MySQL and MariaDB": mysql, SQLite: sqlite, "on the way": ways };
  const head = ["meaning", ...Object.keys(of)];
  const counts = Object.entries(words).map(([meaning, word]) => [
    word,
    ...Object.values(of).map((rows) => count(rows.filter(([, , each]) => each === meaning))),
  ]);
  return table(head, [...counts, ["all", ...Object.values(of).map(count)]]);
}

function count(rows: readonly Row[]): string {
  return rows.length === 0 ? "" : String(rows.length);
}

function listing(rows: readonly Row[], head: string): string {
  return table(
    [head, "name", "meaning"],
    rows.map(([each, name, meaning]) => [code(each), code(name), words[meaning]]),
  );
}

function spelled(byClass: Readonly<Record<string, Meaning>>): string {
  return Object.entries(byClass)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([each, meaning]) => `${code(each)} ${words[meaning].split(";")[0]}`)
    .join("; ");
}

/** A message by which an error without a code is known. */
function said(message: RegExp): string {
  return message.source
    .replace(/^\^|\$$/g, "")
    .replaceAll("\\.", ".")
    .trim();
}
