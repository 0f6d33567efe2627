/**
 * What errors mean whatever the database is: failures of the connection, the remedies for them, and the option `errors`.
 */
import type { ErrorCode } from "../model.js";
import type { Meaning } from "../store/failures.js";

/** Source: Node.js documentation, common system errors and error codes; libuv's getaddrinfo codes. */
export const connectionCodes: ReadonlySet<string> = new Set([
  "EACCES",
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EMFILE",
  "ENETDOWN",
  "ENETRESET",
  "ENETUNREACH",
  "ENFILE",
  "ENOBUFS",
  "ENOENT",
  "ENOTCONN",
  "ENOTFOUND",
  "EPIPE",
  "EPROTO",
  "ESHUTDOWN",
  "ETIMEDOUT",
  "ERR_SOCKET_CLOSED",
  "ERR_SOCKET_CLOSED_BEFORE_CONNECTION",
  "ERR_SOCKET_CONNECTION_TIMEOUT",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_WRITE_AFTER_END",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_TLS_HANDSHAKE_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** `pg` throws these without a code, so only their messages tell. */
export const connectionMessages = [
  /^Connection terminated/,
  /^timeout exceeded when trying to connect$/,
  /^Client has encountered a connection error and is not queryable$/,
  /^Client was closed and is not queryable$/,
  /^Cannot use a pool after calling end on the pool$/,
  /^Query read timeout$/,
  /^The server does not support SSL connections$/,
];

export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // An AggregateError: several addresses were tried.
  if (error instanceof AggregateError && error.errors.some(isConnectionError)) return true;
  if ("code" in error && typeof error.code === "string" && connectionCodes.has(error.code))
    return true;
  return connectionMessages.some((message) => message.test(error.message));
}

const readOnly = "give the library the primary, in a session that may write: this one is read-only";

const throughView =
  "the database can't write through this view: name a table behind it in the rule's \"table\", or give the view INSTEAD OF triggers (Postgres, SQLite, SQL Server)";

const byCode: ReadonlyMap<string, string> = new Map(
  (
    [
      [
        ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ETIMEDOUT"],
        "check host and port of the database's URL, and that it runs and can be reached from here",
      ],
      [
        ["28P01", "28000", "ER_ACCESS_DENIED_ERROR", "ER_ACCESS_DENIED_NO_PASSWORD_ERROR"],
        "check user and password of the database's URL, and that the pool gets this URL",
      ],
      [["3D000", "ER_BAD_DB_ERROR"], "create the database that the URL names, or correct its name"],
      [
        ["ER_NO_DB_ERROR"],
        "name the database in the URL that the pool gets, as in mysql://user@host/database",
      ],
      [
        ["53300", "ER_CON_COUNT_ERROR", "ER_TOO_MANY_USER_CONNECTIONS"],
        "make the pools of all processes together smaller than what the server takes (max_connections)",
      ],
      [["25006", "ER_OPTION_PREVENTS_STATEMENT", "ER_READ_ONLY_MODE", "SQLITE_READONLY"], readOnly],
      [
        [
          "ER_NON_UPDATABLE_TABLE",
          "ER_NON_INSERTABLE_TABLE",
          "ER_VIEW_MULTIUPDATE",
          "ER_VIEW_NO_INSERT_FIELD_LIST",
          "ER_VIEW_DELETE_MERGE_VIEW",
        ],
        throughView,
      ],
      [
        [
          "SELF_SIGNED_CERT_IN_CHAIN",
          "DEPTH_ZERO_SELF_SIGNED_CERT",
          "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        ],
        "give the pool the server's certificate authority (ssl: { ca })",
      ],
    ] as const
  ).flatMap(([codes, remedy]) => codes.map((code) => [code, remedy] as const)),
);

const ofPool =
  "no connection of the pool came free in time: await everything that hooks send, send it through `tx` and not through another connection of the pool, and keep limits.concurrentTransactions at the pool's size";

const byMessage: readonly (readonly [RegExp, string])[] = [
  [/^timeout exceeded when trying to connect$|^Queue limit reached\.$/, ofPool],
  [
    /^Cannot use a pool after calling end on the pool$|^Pool is closed\.$|driver has already been destroyed|^The database connection is not open$|^database is not open$/,
    "stop the server and drain the writes before the database is closed",
  ],
  [
    /client password must be a (?:non-empty )?string/,
    "give a password in the database's URL, and check that the pool gets this URL",
  ],
  [
    /^Connection terminated unexpectedly$|^Received unexpected \w+ message from backend/,
    "make sure that the database's URL is that of a Postgres server (postgres://), that the server runs, and that nothing ends its connections",
  ],
  [/^The server does not support SSL connections$/, "leave `ssl` out of the pool's options"],
  // Only better-sqlite3 gives a code that says it.
  [/^attempt to write a readonly database$/, readOnly],
  [
    /^file is not a database$/,
    "correct the file's name: this file is no SQLite database, or is encrypted",
  ],
  [
    /^cannot (?:insert into|update|delete from) view |^cannot modify .* because it is a view$/,
    throughView,
  ],
  // Kysely's drivers call what their dialect was given.
  [
    /#(?:pool|db)\]?\.\w+ is not a function$/,
    "give Kysely's dialect its own driver: PostgresDialect a Pool of pg, MysqlDialect a pool of mysql2, SqliteDialect a Database of better-sqlite3",
  ],
  [
    /^Client has already been connected/,
    "give PostgresDialect a Pool of pg, as in new pg.Pool({ connectionString }), and not a Client",
  ],
  [
    /^Unknown named parameter '0'/,
    "SqliteDialect can't use a database of node:sqlite by itself: give it guardDatabase(new DatabaseSync(file)) of powersync-writes/sqlite",
  ],
];

/** What an operator can do about a failure of the connection, by its code or by the pool's message. */
export function remedyOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return byCode.get(code) ?? byMessage.find(([said]) => said.test(error.message))?.[1];
}

/**
 * The option `errors`: what the database's error codes mean to the application. Triggers raise their own codes, and an operator may know more than the
 * library's tables. An error that may pass by itself can't be made fatal, because then an outage would lose data. Keys are SQLSTATEs, their classes, error
 * numbers, and SQLite's result codes.
 */
export type ApplicationErrors = Readonly<Record<string, ErrorCode | "retryable">>;

const keyForms = {
  "an SQLSTATE (PT402) or the class of one (PT)": /^(?:[0-9A-Z]{5}|[0-9A-Z]{2})$/,
  "an error number of MySQL or MariaDB (1644)": /^\d{3,5}$/,
  "a result code of SQLite (SQLITE_CONSTRAINT_TRIGGER)": /^SQLITE_[A-Z]+(?:_[A-Z0-9]+)*$/,
};

const errorCode = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Connections, contention, shutdowns, resources, and unknown outcomes. */
const mayPass: readonly RegExp[] = [
  /^(?:08|28|40|53|57|58|72)(?:...)?$/,
  /^(?:25006|25P0[34]|3D000|55006|55P03|HY000|HY|XX00[12])$/,
  // The client's own errors, and the server's about connections and locks.
  /^(?:2\d{3}|10(?:20|27|40|42|43|53)|11(?:29|30|5\d|6[01])|12(?:03|05|13|23|26)|1614|1689|1927|3058|3101|313[23]|3572|4031)$/,
  /^SQLITE_(?:BUSY|LOCKED|PROTOCOL|IOERR|CANTOPEN|FULL|NOMEM|READONLY|CORRUPT|NOTADB|ABORT_ROLLBACK|ERROR_RETRY|ERROR_SNAPSHOT)(?:_|$)/,
];

/** These stay retryable whatever the configuration says: a key's form does not show that it stands for one of them. */
const neverFatal: readonly (Meaning | undefined)[] = ["outage", "contention", "busy"];

/** @throws TypeError for a key that is not a code, for a value that is not an error code, and for a code that can't be made fatal */
export function checkApplicationErrors(errors: ApplicationErrors = {}): void {
  for (const [key, word] of Object.entries(errors)) {
    if (!Object.values(keyForms).some((form) => form.test(key))) {
      throw new TypeError(`errors: "${key}" must be ${Object.keys(keyForms).join(", or ")}.`);
    }
    if (word === "retryable") continue;
    if (!errorCode.test(word)) {
      throw new TypeError(
        `errors.${key} must be "retryable", or an error code in capitals such as QUOTA_EXCEEDED.`,
      );
    }
    if (mayPass.some((each) => each.test(key))) {
      throw new TypeError(
        `errors.${key} can't be fatal: it may pass by itself (a connection, others in the way, or an outcome that is not known). Leave it out.`,
      );
    }
  }
}

/**
 * @param codes what the database calls the error: the most exact first
 * @param meaning what the library's own tables of codes say
 */
export function applicationWord(
  errors: ApplicationErrors,
  codes: readonly string[],
  meaning: Meaning | undefined,
): ErrorCode | "retryable" | undefined {
  const key = codes.find((code) => Object.hasOwn(errors, code));
  const word = key === undefined ? undefined : errors[key];
  return word === "retryable" || !neverFatal.includes(meaning) ? word : undefined;
}
