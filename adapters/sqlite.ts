/**
 * `guardDatabase` for SQLite: statements are prepared once and kept, and Kysely's `SqliteDialect` can use Node's own `DatabaseSync`.
 *
 * Kysely has each statement prepared anew, which takes longer than its execution. SQLite itself prepares a kept statement again when the schema has
 * changed, whoever changed it, and holds no lock for one that has run to its end.
 */
import type { SqliteDatabase, SqliteStatement } from "kysely";
import {
  flightRequest,
  type SentStatement,
  type StatementsAnswered,
} from "../src/sql/pool-requests.js";

/** A `Database` of `better-sqlite3`, or a `DatabaseSync` of `node:sqlite`. */
export interface GuardedDatabase {
  prepare(text: string): object;
  close(): unknown;
}

interface NodeStatement {
  columns(): readonly unknown[];
  all(...parameters: readonly unknown[]): unknown[];
  run(...parameters: readonly unknown[]): ReturnType<SqliteStatement["run"]>;
  iterate(...parameters: readonly unknown[]): IterableIterator<unknown>;
}

type Prepare = SqliteDatabase["prepare"];

// A registered symbol is the same in two copies of the package, which then do not guard a database twice.
const guarded = Symbol.for("powersync-writes.guarded-database");

/** The statement that was used longest ago goes first. */
const keptStatements = 200;
/** Of a longer one, what SQLite makes takes hundreds of kilobytes. */
const longestText = 4_000;

/** Together, in characters and bytes: `node:sqlite` holds the parameters of a statement until its next use. */
const longestParameters = 50_000;

/** Statements that do nothing while they are prepared, as a PRAGMA may, and do not change the schema. */
const keptKind =
  /^\s*(?:select|insert|update|delete|replace|with|begin|commit|end|rollback|savepoint|release)\b/i;

/** In milliseconds: how long statements run in one go. The event loop is blocked meanwhile. */
const longestTurn = 10;

/**
 * What has other columns after a change of the schema. Some implementations of `node:sqlite` (Deno's) read the names of the columns before SQLite has
 * prepared the statement again, and would give the new values the old names.
 */
const anyColumns = /(?<!\bcount\()\*/i;

/**
 * Keeps prepared statements, up to 200 of them, so that a repeated transaction has none prepared, and lets the library run the statements of a transaction
 * in one go if no application code has to run in between. Kysely can use a `DatabaseSync` of `node:sqlite` (from
 * Node 22.16 on) only through `guardDatabase`.
 *
 * Set how integers are read before: `defaultSafeIntegers` of `better-sqlite3` does not change statements that are already kept.
 *
 * @example
 * const file = new Database("app.db", { timeout: 100 });
 * const database = new Kysely<DB>({ dialect: new SqliteDialect({ database: guardDatabase(file) }) });
 *
 * @returns what `SqliteDialect` takes as its `database`. A guarded database is returned as it is.
 * @throws TypeError for what is no database of these two drivers
 */
export function guardDatabase(database: GuardedDatabase): SqliteDatabase {
  if (guarded in Object(database)) return database as unknown as SqliteDatabase;
  const prepareAnew = preparing(database);
  const kept = new Map<string, SqliteStatement>();
  const prepare: Prepare = (text) => {
    if (text === flightRequest) return answerFlight(prepare);
    let statement = kept.get(text);
    if (statement === undefined) {
      if (text.length > longestText || !keptKind.test(text) || anyColumns.test(text))
        return prepareAnew(text);
      statement = keeping(prepareAnew, text, () => kept.delete(text));
      const [oldest] = kept.keys();
      if (kept.size >= keptStatements && oldest !== undefined) kept.delete(oldest);
    } else kept.delete(text);
    kept.set(text, statement);
    return statement;
  };
  const close = () => {
    kept.clear();
    database.close();
  };
  return Object.defineProperty({ prepare, close }, guarded, { value: true });
}

/** Answers the library's request to run several statements in one go. If they take long, only the first of them are run. */
function answerFlight(prepare: Prepare): SqliteStatement {
  const all = ([sent]: readonly [{ readonly statements: readonly SentStatement[] }?]) =>
    sent === undefined
      ? [{ flies: true }]
      : [{ results: resultsOf(prepare, sent.statements) } satisfies StatementsAnswered];
  const never = () => {
    throw new TypeError("guardDatabase: this statement only has rows to be read at once.");
  };
  return { reader: true, all: all as SqliteStatement["all"], run: never, iterate: never };
}

function resultsOf(
  prepare: Prepare,
  statements: readonly SentStatement[],
): StatementsAnswered["results"] {
  const results: StatementsAnswered["results"][number][] = [];
  const end = performance.now() + longestTurn;
  for (const statement of statements) {
    results.push(resultOf(prepare, statement));
    if (performance.now() >= end) break;
  }
  return results;
}

/** As Kysely's driver reads it. */
function resultOf(
  prepare: Prepare,
  { text, parameters }: SentStatement,
): StatementsAnswered["results"][number] {
  const statement = prepare(text);
  if (statement.reader) return { rows: statement.all(parameters) };
  return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) };
}

/** A statement that is used again and again. While it runs, and for many parameters, another one is prepared in its place. */
function keeping(prepare: Prepare, text: string, forget: () => void): SqliteStatement {
  const statement = prepare(text);
  let isRunning = false;
  const use = <Result>(
    parameters: readonly unknown[],
    work: (statement: SqliteStatement) => Result,
  ): Result => {
    // A function of the application's that a statement calls may run the same one.
    if (isRunning || lengthOf(parameters) > longestParameters) return work(prepare(text));
    isRunning = true;
    try {
      return work(statement);
    } catch (error) {
      // Some errors last as long as the statement, above all that of a connection that has been closed and opened again.
      forget();
      throw error;
    } finally {
      isRunning = false;
    }
  };
  return {
    reader: statement.reader,
    all: (parameters) => use(parameters, (one) => one.all(parameters)),
    run: (parameters) => use(parameters, (one) => one.run(parameters)),
    // A statement can't be used for anything else until its last row has been read.
    iterate: (parameters) => prepare(text).iterate(parameters),
  };
}

function lengthOf(parameters: readonly unknown[]): number {
  let length = 0;
  for (const each of parameters) {
    if (typeof each === "string") length += each.length;
    else if (ArrayBuffer.isView(each)) length += each.byteLength;
  }
  return length;
}

/** Recognizes the drivers by their members, because neither has to be installed. */
function preparing(database: unknown): Prepare {
  const { prepare, pragma, open } = Object(database) as Record<string, unknown>;
  const isNodes = typeof open === "function";
  if (typeof prepare !== "function" || (typeof pragma !== "function" && !isNodes))
    throw new TypeError(
      'guardDatabase: give it an open database, as in guardDatabase(new Database("app.db")) with better-sqlite3 or guardDatabase(new DatabaseSync("app.db")) with node:sqlite.',
    );
  if (!isNodes) return (text) => prepare.call(database, text) as SqliteStatement;
  return (text) => {
    const statement = prepare.call(database, text) as NodeStatement;
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...parameters),
      run: (parameters) => statement.run(...parameters),
      iterate: (parameters) => statement.iterate(...parameters),
    };
  };
}
