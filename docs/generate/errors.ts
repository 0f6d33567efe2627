/** `docs/errors.md`: what every published error of a database means here, and how many there are of each meaning. */
import {
  connectionMessages as poolMessages,
  connectionCodes as socketCodes,
} from "../../src/sql/errors.js";
import type { Meaning } from "../../src/store/failures.js";
import { clientCodes, clientMessages, signals } from "../../src/sql/mysql/errors.js";
import {
  clientCodes as tediousCodes,
  clientMessages as tarnMessages,
  numbers as mssqlNumbers,
} from "../../src/sql/mssql/errors.js";
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
/** Listed by what they mean: the server has no names for them. */
const mssql: readonly Row[] = Object.entries(mssqlNumbers).flatMap(([meaning, listed]) =>
  listed.map((number): Row => [String(number), "", meaning as Meaning]),
);
/** Errors on the way to the database, whichever it is. */
const ways: readonly Row[] = [
  ...[...socketCodes].map((each): Row => [each, "socket", "outage"]),
  ...[...clientCodes].map((each): Row => [each, "`mysql2`", "outage"]),
  ...[...tediousCodes].map(([each, meaning]): Row => [each, "`tedious`", meaning]),
  ...poolMessages.map((each): Row => [said(each), "`pg`", "outage"]),
  ...clientMessages.map((each): Row => [said(each), "`mysql2`", "outage"]),
  ...tarnMessages.map((each): Row => [said(each), "`tarn` and Kysely", "outage"]),
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
    "For an index on an expression, and for what a trigger does to another table, no column is named. For a foreign key that waits for `COMMIT`, Postgres names the column, but no database says which operation broke it.",
    "## Summary",
    summary(),
    "## Postgres",
    "The table lists each SQLSTATE of appendix A of Postgres' documentation. With [`rls`](rls.md), the database says who may write what, and `42501` is a fatal `UNAUTHORIZED`.",
    listing(postgres, "SQLSTATE"),
    `A code that is not listed has the meaning of its class: ${spelled(classes)}. For any other code, the error's fields decide:\n\n- An error that a PL/pgSQL function raises (\`RAISE EXCEPTION … USING ERRCODE = 'PT402'\`) is a refusal by the application: fatal \`CONSTRAINT_VIOLATION\`.\n- A syntax error (\`42601\`) without a position in the statement, or an internal error (\`XX000\`) in the input function of a type such as \`tsquery\`, \`ltree\`, \`hstore\` or PostGIS', is a value that the type does not take: fatal \`INVALID_DATA\`.\n- Everything else is retryable.\n\n[\`errors\`](configuration.md#errors) overrides all of this.`,
    "## MySQL and MariaDB",
    "The table lists error numbers. Numbers above 3000 are assigned twice; a row with an SQLSTATE applies only to that SQLSTATE.",
    listing(mysql, "number"),
    "If an AUTO_INCREMENT column has no number left, MariaDB reports the engine's number `167`, and MySQL reports `1062` for the last number. The library recognizes both.",
    `A signal from a trigger or a procedure has the meaning of its SQLSTATE's class: ${spelled(signals)}. Any other signal is a refusal by the application: fatal \`CONSTRAINT_VIOLATION\`. If the signal sets a number (\`MYSQL_ERRNO\`) and its SQLSTATE is outside class 45, the number decides. [\`errors\`](configuration.md#errors) overrides all of this.`,
    "## SQL Server",
    "The table lists error numbers by what they mean. It is made by the documentation of the server and of Azure SQL; no server has been asked.",
    table(
      ["Meaning", "Numbers"],
      Object.entries(mssqlNumbers)
        .filter(([, listed]) => listed.length > 0)
        .map(([meaning, listed]) => [words[meaning as Meaning], listed.join(", ")]),
    ),
    "547 is `FOREIGN_KEY_VIOLATION` or `CHECK_VIOLATION` by the words in its message, and otherwise `CONSTRAINT_VIOLATION`. 8115 of an `IDENTITY` is retryable: the table has no number left. From 50000 on a number is the application's (`raiserror`, `throw` in a trigger): fatal `CONSTRAINT_VIOLATION`. Where a statement fails with several errors, the first that says why counts. Any other number is retryable. [`errors`](configuration.md#errors) overrides all of this.",
    "## SQLite",
    "The table lists result codes, including extended ones. `better-sqlite3` gives the name, and `node:sqlite` the number.",
    listing(sqlite, "number"),
    `An extended code that is not listed has the meaning of its primary code for ${resultFamilies.map((each) => code(`SQLITE_${each}`)).join(", ")}. Any other code is retryable.`,
    "## On the way to the database",
    "These errors come from sockets, and from the drivers and their pools. All are retryable.",
    table(
      ["Code or message", "From"],
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
  "An error is **fatal** only if it is known that sending the same transaction again cannot help. The transaction is then recorded as a dead letter, and the device continues. Everything else is **retryable**, including every error that is not in the tables below. The device keeps its write: an outage must never cost data.",
  "Only errors of the statements that write your data can be fatal. The library's own statements (the ledger, dead letters, the beginning of a transaction) break none of your rules, so their failures are retryable, whatever their code. A driver's text never reaches a client; it goes to the log and to `onEvent`.",
];

function summary(): string {
  const of = {
    Postgres: postgres,
    "MySQL and MariaDB": mysql,
    "SQL Server": mssql,
    SQLite: sqlite,
    connection: ways,
  };
  const head = ["Meaning", ...Object.keys(of)];
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
    [head, "Name", "Meaning"],
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
