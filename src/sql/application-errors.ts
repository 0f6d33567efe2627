/**
 * The option `errors`: what the database's error codes mean to the application. Triggers raise their own codes, and an operator may know more than
 * the library's tables. An error that may pass by itself can't be made fatal, because then an outage would lose data.
 */
import type { ErrorCode } from "../model.js";
import type { Meaning } from "../store/failures.js";

/** Keys are SQLSTATEs, their classes, error numbers, and SQLite's result codes. */
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
  // The client's, and the server's of connections and locks.
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
 * @param meaning by the library's tables
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
