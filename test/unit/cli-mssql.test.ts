/** The command on SQL Server: on SQLite dressed up as it, and where nobody listens, for there is no server. */
import { resolve } from "node:path";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeError, type Io } from "../../src/cli/io.js";
import { openDatabase, readDatabaseUrl } from "../../src/cli/database-url.js";
import { examineDatabase } from "../../src/cli/doctor/database.js";
import { configText, environmentText } from "../../src/cli/init/config-file.js";
import { decide } from "../../src/cli/init/decide.js";
import { nextSteps, serverText } from "../../src/cli/init/server-file.js";
import { readSources } from "../../src/cli/init/source.js";
import { compilerFor } from "../../src/cli/tables.js";
import { createWrites, tablesSql } from "../../src/index.js";
import type { TestDatabase } from "../support/databases.js";
import { badThing, from, uuid } from "../support/letters.js";
import { dressed } from "../support/mssql/database.js";
import { faults } from "../support/mssql/grammar.js";
import { testConfig } from "../support/writes.js";

const ended: (() => unknown)[] = [];
const io = {
  cwd: resolve("."),
  secrets: new Set<string>(),
  whenDone: (end: () => unknown) => ended.push(end),
} as unknown as Io;
const url = "mssql://sa:s%40cret@127.0.0.1:1/app";

describe("the command on SQL Server", () => {
  const sent: string[] = [];
  let database: TestDatabase;
  beforeAll(async () => {
    database = await dressed((statement) => sent.push(statement.sql), false).open();
  });
  afterAll(async () => {
    await database.close();
    for (const end of ended) await end();
  });

  it.each(["mssql://h/app", "sqlserver://h/app", "MSSQL://h/app"])("knows it by %s", (each) => {
    expect(readDatabaseUrl(each, new Set())).toEqual({ kind: "mssql" });
  });

  it.each(["mssql://sa:secret@127.0.0.1", "mssql:///app", "mssql://sa:secret@127.0.0.1:x/app"])(
    "says what a URL lacks, and does not repeat it: %s",
    async (each) => {
      const opening = openDatabase(each, { kind: "mssql" }, io);
      await expect(opening).rejects.toThrow("mssql://user:password@127.0.0.1:1433/app");
      await expect(opening).rejects.not.toThrow("secret");
    },
  );

  it("says why there is no connection, without the password", async () => {
    const db = await openDatabase(url, readDatabaseUrl(url, io.secrets), io);
    const error = await sql`select 1`.execute(db).catch((thrown: unknown) => thrown);
    expect(describeError(error, io)).toMatch(/127\.0\.0\.1:1\b/);
    expect(io.secrets).toContain("s@cret");
  });

  it("tells each of several errors of one statement", () => {
    const several = [new Error("Too many."), new Error("The statement has been terminated.")];
    expect(describeError(several, io)).toBe("Too many.; The statement has been terminated.");
  });

  it("writes rules and types of what the catalog says, and opens nothing by itself", async () => {
    const sources = await readSources(database.db as unknown as Kysely<unknown>, () => undefined);
    const text = configText({
      kind: "mssql",
      file: undefined,
      sources,
      decisions: decide(sources),
      madeFrom: "a SQL Server database",
    });
    expect(text).toContain("new MssqlDialect({");
    expect(text).toContain('owner: "owner_id"');
    expect(text).toContain('belongsTo: { list_id: "lists" }');
    expect(text).toMatch(/ {4}big: string \| null;/);
    expect(text).toMatch(/ {4}created_at: Date \| null;/);
    expect(text).toMatch(/ {4}completed: boolean \| null;/);
    expect(text).toContain("stock: Generated<number>");
    const rules = text
      .slice(text.indexOf("defineTables<Database>()("))
      .replace(/^ *\/\/.*\n/gm, "");
    expect(rules).not.toContain("things:");
    expect(nextSteps("express", "mssql")[0]).toContain(" tedious tarn ");
    expect(environmentText("mssql")).toContain("DATABASE_URL=mssql://");
    expect(serverText("express")).toContain("powersync-writes.config.js");
  });

  it("examines the server and what waits in the library's tables", async () => {
    const config = { ...testConfig(database.db), logger: false as const };
    const writes = createWrites(config);
    await writes.processTransaction(from("phone", 1, badThing(uuid(1))), {
      principal: { userId: "alice" },
      clientId: "phone",
    });
    sent.length = 0;
    const verdicts: unknown[] = [];
    const loaded = { config, writes, file: "x.ts", whose: {} };
    for await (const verdict of examineDatabase(loaded as never, io)) verdicts.push(verdict);
    expect(verdicts).toMatchObject([
      {
        what: "reachable",
        detail: expect.stringMatching(/^Microsoft SQL Server, as SQLite, \d+ ms$/),
      },
      { what: "clock", detail: "the same as on this machine" },
      {},
      { what: "dead letters that wait", detail: expect.stringMatching(/^1: CHECK_VIOLATION 1\./) },
      { what: "parked", detail: "none" },
      { what: "repeated failures" },
      { what: "the ledger", detail: "1 row" },
    ]);
    expect(sent.flatMap(faults)).toEqual([]);
  });

  it("prints the library's own tables", () => {
    const text = tablesSql(compilerFor("mssql"));
    expect(text).toContain("if object_id('[powersync_ledger]') is null");
    expect(faults(text)).toEqual([]);
  });
});
