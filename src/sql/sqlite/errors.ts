/** What an error of SQLite means for a write, by its result code: `better-sqlite3` gives the code's name, `node:sqlite` its number. */
import type { Blamed, Meaning } from "../../store/failures.js";
import type { SqlTable } from "../table.js";

/** Result codes by meaning: name without `SQLITE_`, and number. A code that is not listed is `other`. */
const resultCodes: Readonly<
  Record<
    Exclude<Meaning, "busy" | "exhausted" | "generated" | "other">,
    Readonly<Record<string, number>>
  >
> = {
  NOT_NULL_VIOLATION: { CONSTRAINT_NOTNULL: 1299 },
  UNIQUE_VIOLATION: {
    CONSTRAINT_PRIMARYKEY: 1555,
    CONSTRAINT_UNIQUE: 2067,
    CONSTRAINT_ROWID: 2579,
  },
  FOREIGN_KEY_VIOLATION: { CONSTRAINT_FOREIGNKEY: 787 },
  CHECK_VIOLATION: { CONSTRAINT_CHECK: 275 },
  // CONSTRAINT_TRIGGER is RAISE, with which a trigger refuses a row. CONSTRAINT_COMMITHOOK is not listed, because the hook's reason is not known.
  CONSTRAINT_VIOLATION: {
    CONSTRAINT: 19,
    CONSTRAINT_FUNCTION: 1043,
    CONSTRAINT_TRIGGER: 1811,
    CONSTRAINT_VTAB: 2323,
    CONSTRAINT_PINNED: 2835,
  },
  // CONSTRAINT_DATATYPE comes from a STRICT table. MISMATCH: a rowid must be an integer.
  INVALID_DATA: { TOOBIG: 18, MISMATCH: 20, CONSTRAINT_DATATYPE: 3091 },
  contention: {
    BUSY: 5,
    LOCKED: 6,
    PROTOCOL: 15,
    ABORT_ROLLBACK: 516,
    ERROR_RETRY: 513,
    ERROR_SNAPSHOT: 769,
  },
  // ERROR usually means that a table or column is missing. It is declared, so a deployment must be in progress.
  schema: { ERROR: 1, SCHEMA: 17 },
  permission: { PERM: 3, AUTH: 23 },
  outage: { NOMEM: 7, READONLY: 8, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 },
};

/** Codes whose extended codes, such as IOERR_READ, mean the same. None is fatal, because a new extended code may not be the data's fault. */
export const resultFamilies = [
  "BUSY",
  "LOCKED",
  "AUTH",
  "READONLY",
  "IOERR",
  "CORRUPT",
  "CANTOPEN",
];

/** The meanings by name and by number. */
const meanings = new Map<unknown, Meaning>();
const familyMeanings = new Map<unknown, Meaning>();
for (const [meaning, codes] of Object.entries(resultCodes)) {
  for (const [name, number] of Object.entries(codes)) {
    for (const map of resultFamilies.includes(name) ? [meanings, familyMeanings] : [meanings]) {
      map.set(name, meaning as Meaning);
      map.set(number, meaning as Meaning);
    }
  }
}

const prefix = "SQLITE_";

/** The names by number, because `node:sqlite` only reports numbers. */
const names = new Map(
  Object.values(resultCodes).flatMap((codes) =>
    Object.entries(codes).map(([name, number]) => [number, name] as const),
  ),
);

/** The names of the extended code and of its primary code. */
export function codes(error: unknown): readonly string[] {
  if (typeof error !== "object" || error === null || !("code" in error)) return [];
  const { code } = error;
  if (code === "ERR_SQLITE_ERROR" && "errcode" in error && typeof error.errcode === "number") {
    const both = [names.get(error.errcode), names.get(error.errcode & 0xff)];
    return both.flatMap((name) => (name === undefined ? [] : `${prefix}${name}`));
  }
  if (typeof code !== "string" || !code.startsWith(prefix)) return [];
  return [code, `${prefix}${code.slice(prefix.length).split("_", 1)[0] ?? ""}`];
}

/** `undefined`: the error does not come from SQLite. */
export function meaning(error: unknown): Meaning | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const { code } = error;
  if (code === "ERR_SQLITE_ERROR" && "errcode" in error && typeof error.errcode === "number") {
    // The low byte is the primary code.
    return meanings.get(error.errcode) ?? familyMeanings.get(error.errcode & 0xff) ?? "other";
  }
  if (typeof code !== "string" || !code.startsWith(prefix)) return undefined;
  const name = code.slice(prefix.length);
  return meanings.get(name) ?? familyMeanings.get(name.split("_", 1)[0]) ?? "other";
}

/** SQLite's messages are always in English: "UNIQUE constraint failed: todos.list_id". The message of a CHECK contains its name or, without a name, its condition. */
export function blamed(error: unknown, table: SqlTable | undefined): Blamed {
  // Only foreign keys wait for COMMIT, and their message names nothing.
  if (table === undefined) return { columns: [] };
  const { source, columns } = table;
  const message = error instanceof Error ? error.message : "";
  const [, kind, told] = /^(\w+(?: NULL)?) constraint failed: (.*)$/s.exec(message) ?? [];
  if (kind === undefined || told === undefined) return { columns: [] };
  if (kind === "CHECK") {
    const words = new Set(told.replace(/'(?:[^']|'')*'/g, " ").match(/[\p{L}_][\p{L}\p{N}_$]*/gu));
    return { columns: [...columns.keys()].filter((name) => words.has(name)), constraint: told };
  }
  const prefix = `${source.name}.`;
  const names = told.split(", ").filter((each) => each.startsWith(prefix));
  const known = names.map((each) => each.slice(prefix.length)).filter((each) => columns.has(each));
  return { columns: known };
}
