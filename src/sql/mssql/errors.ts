/** What an error of SQL Server, Azure SQL, tedious or tarn means for a write: the server's by its number, the driver's own by its code. */
import type { Blamed, Meaning } from "../../store/failures.js";
import type { SqlTable } from "../table.js";

/**
 * The server's errors by meaning. Sources: "Database Engine events and errors" and "Troubleshoot connectivity issues and other errors with Azure SQL
 * Database" on Microsoft Learn, and what Entity Framework Core tries again. A number that is not listed is `other`.
 */
export const numbers: Readonly<Record<Exclude<Meaning, "other">, readonly number[]>> = {
  NOT_NULL_VIOLATION: [515],
  UNIQUE_VIOLATION: [2601, 2627],
  // 547 is several constraints, distinguished by the message.
  FOREIGN_KEY_VIOLATION: [],
  // A rule; a view's WITH CHECK OPTION.
  CHECK_VIOLATION: [513, 550],
  // A block predicate; a trigger that ended the transaction without an error of its own.
  CONSTRAINT_VIOLATION: [3609, 33504],
  INVALID_DATA: [
    220, 232, 235, 236, 237, 238, 241, 242, 244, 245, 248, 293, 295, 296, 298, 511, 517, 1946, 2628,
    6905, 6908, 6909, 6913, 6923, 6926, 6965, 8114, 8115, 8134, 8152, 8169, 8170, 9402, 9403, 9410,
    9411, 9412, 9413, 9414, 9415, 9416, 9417, 9418, 9420, 9421, 9422, 9423, 9436, 9437, 9438, 9441,
    9442, 9448, 9454, 9455, 9459, 13606, 13608, 13609, 13611, 13612, 13613, 13621, 13623, 13624,
    13625, 13647,
  ],
  exhausted: [11728],
  // 13535: a row of a temporal table that a transaction which began later has changed.
  contention: [1205, 1211, 3940, 3960, 3961, 3966, 13535, 41301, 41302, 41305, 41325, 41339, 41839],
  busy: [1222, 8645, 8651],
  schema: [
    206, 207, 208, 209, 213, 257, 260, 402, 529, 2812, 4403, 4404, 4405, 4413, 4416, 4417, 4418,
    4420, 4421, 4502, 4902, 4924, 8116,
  ],
  // 4406: a view's column that is an expression.
  generated: [271, 272, 273, 544, 4406, 8101, 8102, 13536, 13537],
  permission: [229, 230, 262, 297, 300, 916, 1088, 15151, 15247],
  outage: [
    20, 53, 64, 121, 203, 233, 258, 596, 601, 615, 617, 669, 701, 802, 823, 824, 825, 844, 845, 846,
    921, 922, 923, 924, 926, 927, 941, 942, 945, 952, 954, 955, 976, 978, 979, 982, 983, 988, 997,
    1101, 1105, 1132, 1203, 1204, 1221, 1232, 1534, 1535, 3635, 3906, 3908, 3935, 3941, 3947, 3948,
    3949, 3950, 3953, 3956, 3957, 3958, 3967, 3980, 3985, 3999, 4060, 4117, 4184, 4221, 5245, 6002,
    6005, 8623, 8628, 8902, 9001, 9002, 9020, 10053, 10054, 10060, 10061, 10922, 10928, 10929,
    10930, 10936, 11001, 14355, 17065, 17066, 17067, 17142, 17143, 17197, 17830, 17889, 18401,
    18451, 18452, 18456, 18461, 18486, 18487, 18488, 22335, 22355, 22427, 22430, 22498, 40106,
    40143, 40166, 40189, 40197, 40501, 40531, 40532, 40540, 40544, 40549, 40550, 40551, 40552,
    40553, 40613, 40615, 40623, 40642, 40648, 40671, 40675, 40890, 40903, 41131, 41640, 41700,
    41701, 41823, 41840, 42108, 42109, 45179, 45182, 47073, 49510, 49802, 49918, 49919, 49920,
    49975, 49977, 49983,
  ],
};

/** Numbers from here on are the application's, from RAISERROR and THROW in its triggers. */
const firstOwnNumber = 50_000;

/** tedious' own errors, which do not come from the server. */
export const clientCodes: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  // The time-out of a request. The connection still works.
  ["ETIMEOUT", "busy"],
  ...["EABORT", "ECANCEL", "ECLOSE", "EENCRYPT", "EFEDAUTH", "EINSTLOOKUP", "EINVALIDSTATE"].map(
    (code): [string, Meaning] => [code, "outage"],
  ),
  ...["ELOGIN", "ESOCKET"].map((code): [string, Meaning] => [code, "outage"]),
]);

/** The messages of errors that tedious, tarn and Kysely throw without a code. */
export const clientMessages: readonly RegExp[] = [
  /^Failed to connect to /,
  /^Connection lost - /,
  /^operation timed out for an unknown reason$/,
  /^The connection ended without ever completing the connection$/,
  /^aborted$/,
];

const meanings: ReadonlyMap<number, Meaning> = new Map(
  Object.entries(numbers).flatMap(([meaning, listed]) =>
    listed.map((number) => [number, meaning as Meaning] as const),
  ),
);

interface DriverError extends Error {
  readonly number?: unknown;
  readonly code?: unknown;
}

function numberOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { number } = error as DriverError;
  return typeof number === "number" && number > 0 ? number : undefined;
}

/** `undefined`: the error comes neither from the server nor from the driver. */
export function meaning(error: unknown): Meaning | undefined {
  if (!(error instanceof Error)) return undefined;
  const number = numberOf(error);
  if (number === undefined) return meaningOfDriver(error);
  if (number >= firstOwnNumber) return "CONSTRAINT_VIOLATION";
  if (number === 547) return conflictOf(error.message);
  // The column's type has no number left. The keyword is the same in every language.
  if (number === 8115 && /\bIDENTITY\b/.test(error.message)) return "exhausted";
  return meanings.get(number) ?? "other";
}

function meaningOfDriver({ code, message, name, constructor }: DriverError): Meaning | undefined {
  const listed = typeof code === "string" ? clientCodes.get(code) : undefined;
  // A connection that could not be opened in time is an outage, not contention.
  if (listed === "busy" && name === "ConnectionError") return "outage";
  if (listed !== undefined) return listed;
  // No connection could be opened in time. The error has the latest failure's message, but not its code.
  if (name === "Error" && constructor.name === "TimeoutError") return "outage";
  return clientMessages.some((each) => each.test(message)) ? "outage" : undefined;
}

/** These are SQL keywords, which are the same in every language. */
function conflictOf(message: string): Meaning {
  if (/\b(?:FOREIGN KEY|REFERENCE)\b/.test(message)) return "FOREIGN_KEY_VIOLATION";
  return /\bCHECK\b/.test(message) ? "CHECK_VIOLATION" : "CONSTRAINT_VIOLATION";
}

export function codes(error: unknown): readonly string[] {
  const number = numberOf(error);
  return number === undefined ? [] : [String(number)];
}

/** Errors that accompany another one, which has the reason. */
const companions: ReadonlySet<number> = new Set([
  266, 3609, 3616, 3621, 3902, 3903, 3930, 3931, 3998, 8180,
]);

/** Picks the error with the reason among several errors of one statement. The others become its cause. */
export function thrown(error: unknown): unknown {
  if (!Array.isArray(error)) return error;
  const all: readonly unknown[] = error;
  const first = all.find((each) => !companions.has(numberOf(each) ?? 0)) ?? all[0];
  if (!(first instanceof Error)) return new AggregateError(all);
  const { number, code } = first as DriverError;
  return Object.assign(new AggregateError(all, first.message, { cause: first }), { number, code });
}

const duplicate: ReadonlySet<number> = new Set([2601, 2627]);

/** Finds out what an error is about. The message is in the session's language and quotes names; a value comes last. Nothing waits for COMMIT. */
export function blamed(error: unknown, table: SqlTable | undefined): Blamed {
  const number = numberOf(error);
  if (table === undefined || number === undefined || !(error instanceof Error))
    return { columns: [] };
  const { columns, traits } = table;
  const { message } = error;
  const quoted = quotedNames(message);
  const known = (names: readonly string[]) => names.filter((name) => columns.has(name));
  const constraint = quoted.find((name) => traits?.constraints?.has(name) === true);
  const its = constraint === undefined ? [] : known(traits?.constraints?.get(constraint) ?? []);
  if (number === 547) {
    const [first] = quoted;
    const named = { ...(first !== undefined && { constraint: first }) };
    // Other rows still refer to this one. For rows of the same table, the words are SAME TABLE REFERENCE. A missing parent is a FOREIGN KEY conflict.
    if (/\bREFERENCE\b/.test(message)) return { columns: [], ...named, referred: true };
    return { columns: its, ...named };
  }
  if (duplicate.has(number))
    return { columns: its, ...(constraint !== undefined && { constraint }) };
  const named = quoted.find((name) => columns.has(name));
  return { columns: named === undefined ? [] : [named] };
}

/** Only the first quoted names: what follows is a value, and may contain anything. */
const mostNames = 2;

export function quotedNames(message: string): readonly string[] {
  const names: string[] = [];
  for (const [, double, single] of message.matchAll(/"((?:[^"]|"")+)"|'((?:[^']|'')+)'/g)) {
    names.push((double ?? single ?? "").replaceAll('""', '"').replaceAll("''", "'"));
    if (names.length === mostNames) break;
  }
  return names;
}
