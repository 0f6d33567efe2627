/** Dead letters and several processes: one effect, and none of a process that is killed half way. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Kysely, MysqlDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createTables } from "../../src/index.js";
import { isChosen } from "../support/chosen.js";
import { createPostgresDatabase, createTestTables } from "../support/databases.js";
import { alice, badThing, from, uuid, writesWithEvents } from "../support/letters.js";
import { createMariadbDatabase, mariadbPool, mariadbTables } from "../support/mariadb.js";
import { program } from "../support/program.js";
import type { TestSchema } from "../support/schema.js";
import { mariadbAvailable, postgresAvailable } from "../support/servers.js";
import { sqliteTables } from "../support/sqlite.js";
import { openSqlite, sqliteFile } from "../support/sqlite-files.js";

interface Place {
  readonly place: string;
  readonly db: Kysely<TestSchema>;
  drop(): Promise<void> | void;
}

const places: Readonly<Record<string, () => Promise<Place | undefined>>> = {
  Postgres: async () => {
    if (!(await postgresAvailable())) return undefined;
    const { url, drop } = await createPostgresDatabase();
    const pool = guardPool(new pg.Pool({ connectionString: url }));
    const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
    await createTestTables(db);
    return { place: url, db, drop };
  },
  MariaDB: async () => {
    if (!(await mariadbAvailable())) return undefined;
    const { url, drop } = await createMariadbDatabase();
    const db = new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool: mariadbPool(url) }) });
    await createTestTables(db, mariadbTables);
    return { place: url, db, drop };
  },
  SQLite: async () => {
    if (!isChosen("sqlite")) return undefined;
    const { file, remove } = sqliteFile();
    const db = openSqlite(file, "better-sqlite3");
    await createTestTables(db, sqliteTables);
    return { place: file, db, drop: remove };
  },
};

const script = await program(new URL("../support/letter-process.ts", import.meta.url));

describe.each(Object.entries(places))("%s", (dialect, make) => {
  const children: ChildProcess[] = [];
  let place: Place | undefined;

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await place?.db.destroy();
    await place?.drop();
    place = undefined;
  });

  /** A letter that can be applied now. */
  const prepare = async (skip: (condition: boolean) => void) => {
    place = await make();
    skip(place === undefined);
    if (place === undefined) throw new Error("Skipped.");
    await createTables(place.db);
    const { writes, letters } = writesWithEvents(place.db);
    await writes.processTransaction(from("phone", 1, badThing(uuid(1))), alice);
    const id = (await letters.list()).letters[0]?.id ?? "";
    await letters.edit(id, { crud: [{ op: "PUT", table: "members", id: `${uuid(1)}.x` }] });
    return { db: place.db, letters, id, place: place.place };
  };

  const start = async (at: string, id: string, mode: string) => {
    const child = fork(script, [dialect, at, id, mode], {
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    children.push(child);
    await next(child);
    return child;
  };

  const next = async (child: ChildProcess): Promise<unknown> => {
    const [message] = (await once(child, "message", {
      signal: AbortSignal.timeout(90_000),
    })) as unknown[];
    return message;
  };

  it("a letter that two processes retry again and again is applied once", async ({ skip }) => {
    const { db, letters, id, place: at } = await prepare(skip);
    const two = await Promise.all([start(at, id, "go"), start(at, id, "go")]);
    const answers = two.map(next);
    for (const child of two) child.send("go");
    const statuses = (await Promise.all(answers)).flat();
    expect(statuses.filter((status) => status === "retried")).toHaveLength(1);
    expect(statuses.filter((status) => status !== "retried")).toEqual(Array(9).fill("not_open"));
    expect(await letters.get(id)).toMatchObject({ status: "retried" });
    expect(await db.selectFrom("members").selectAll().execute()).toHaveLength(1);
  });

  it("a process that is killed in the middle of a retry leaves the letter open", async ({
    skip,
  }) => {
    const { db, letters, id, place: at } = await prepare(skip);
    const child = await start(at, id, "stop");
    const written = next(child);
    child.send("go");
    expect(await written).toBe("written");
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    expect(await letters.get(id)).toMatchObject({ status: "open", attempts: 1 });
    expect(await db.selectFrom("members").selectAll().execute()).toEqual([]);
    await expect
      .poll(() => letters.retry(id), { timeout: 90_000 })
      .toMatchObject({ status: "retried" });
    expect(await db.selectFrom("members").selectAll().execute()).toHaveLength(1);
  });
});
