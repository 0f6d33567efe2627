/** What would fail each time is not sent as a whole, and what a user may not see or change makes no difference to the answers. */
import Database from "better-sqlite3";
import { type Dialect, Kysely, type LogEvent, MysqlDialect, sql, SqliteDialect } from "kysely";
import { afterEach, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/mysql2.js";
import { guardDatabase } from "../../adapters/sqlite.js";
import { createTables, createWrites, type WriteEvent } from "../../src/index.js";
import { flightRequest } from "../../src/sql/pool-requests.js";
import { isChosen } from "../support/chosen.js";
import { createMysqlDatabase, mysqlPool } from "../support/mysql.js";
import { type MysqlServer, mysqlServers } from "../support/servers.js";
import type { TestPrincipal } from "../support/writes.js";

type Any = Kysely<Record<string, Record<string, unknown>>>;
const principal = { userId: "alice" };
const text = "varchar(40)";
const put = (table: string, id: string, op_data: object) => ({ op: "PUT", table, id, op_data });
const patch = (table: string, id: string, op_data: object) => ({ op: "PATCH", table, id, op_data });
const remove = (table: string, id: string) => ({ op: "DELETE", table, id });

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A device whose transactions are sent as a whole where that is possible. The table `marks` is one for which it is. */
async function openDevice(dialect: Dialect, rules: object) {
  const tried: (readonly string[])[] = [];
  const log = ({ query: { sql: asked, parameters } }: LogEvent) => {
    const [sent] = parameters as readonly [{ statements: readonly { text: string }[] }?];
    if (asked === flightRequest && sent !== undefined)
      tried.push(sent.statements.map(({ text: each }) => each));
  };
  const db: Any = new Kysely({ dialect, log });
  closing.push(() => db.destroy());
  const events: WriteEvent[] = [];
  const writes = createWrites<TestPrincipal, never>({
    authenticate: () => principal,
    database: db as never,
    ledger: { prune: false },
    tables: { marks: { access: "everyone" }, ...rules } as never,
    logger: false,
    onEvent: (event) => events.push(event),
  });
  let opId = 0;
  const send = async (...crud: readonly object[]) => {
    tried.length = 0;
    events.length = 0;
    const body = {
      client_id: "phone",
      crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
    };
    const result = await writes.processTransaction(body, { principal });
    const [told] = events.filter((event) => event.type === "transaction");
    return {
      answer: result.status === "fatal_error" ? result.failedOperation.errorCode : result.status,
      flown: told?.flown,
      // A part of an open transaction begins with a change.
      tried: tried.filter(([claim]) => claim?.includes("powersync_ledger")).length,
      parts: tried.filter(([claim]) => !claim?.includes("powersync_ledger")).length,
    };
  };
  /** The tables have been read, the device is known, and what has failed before is forgotten. */
  const warm = async () => {
    const all = [
      remove("marks", "none"),
      ...Object.keys(rules).map((name) => remove(name, "none")),
    ];
    await send(...all);
    for (let time = 0; time < 70; time += 1)
      if ((await send(remove("marks", "none"))).flown === true) return;
    throw new Error("It does not fly.");
  };
  return { db, send, warm };
}

const marks = `create table marks (id ${text} primary key)`;

/** A folder belongs to its owner, and to its parent if it has one. */
const folders = {
  ddl: [
    `create table folders (id ${text} primary key, parent_id ${text}, name ${text}, owner_id ${text})`,
    marks,
  ],
  rules: {
    folders: { owner: "owner_id", belongsTo: { parent_id: { table: "folders", optional: true } } },
  },
};

async function sendFolders({ send, warm }: Awaited<ReturnType<typeof openDevice>>) {
  await warm();
  const told = [];
  for (const crud of [
    [put("folders", "b", { parent_id: "a" })],
    [patch("folders", "b", { name: "x" })],
    [remove("folders", "b")],
  ]) {
    await warm();
    told.push(await send(...crud));
  }
  return told;
}
const stepByStep = { answer: "success", flown: false, tried: 0, parts: 0 };

/** How many of the next transactions are sent as a whole, and how many in parts, until one is again. */
async function sendAgain(
  { send }: Awaited<ReturnType<typeof openDevice>>,
  ...crud: readonly object[]
) {
  const told = [];
  for (let time = 0; time < 7; time += 1) {
    const { answer, flown, tried, parts } = await send(...crud);
    expect([answer, flown]).toEqual(["success", false]);
    told.push([tried, parts]);
  }
  return told;
}

async function expectFewer(device: Awaited<ReturnType<typeof openDevice>>) {
  await device.warm();
  // A row that is not there.
  expect(
    await sendAgain(device, put("marks", "a", {}), patch("items", "none", { name: "x" })),
  ).toEqual([1, 1, 0, 1, 0, 0, 1].map((tried) => [tried, 0]));
  await device.warm();
  // The user has a letter that waits. The changes are not the reason, so they are still sent together.
  expect((await device.send(put("nowhere", "a", {}))).answer).toBe("UNKNOWN_TABLE");
  expect(await sendAgain(device, put("marks", "a", {}), put("marks", "b", {}))).toEqual(
    [1, 1, 0, 1, 0, 0, 1].map((tried) => [tried, 1]),
  );
}
const everybody = {
  ddl: [`create table items (id ${text} primary key, name ${text})`, marks],
  rules: { items: { access: "everyone" } },
};

describe.skipIf(!isChosen("sqlite"))("on SQLite", () => {
  const open = async (ddl: readonly string[], rules: object) => {
    const database = guardDatabase(new Database(":memory:"));
    const device = await openDevice(new SqliteDialect({ database }), rules);
    for (const statement of ddl) await sql.raw(statement).execute(device.db);
    await createTables(device.db);
    return device;
  };

  it("after two that fail in a row, fewer and fewer are tried", async () => {
    await expectFewer(await open(everybody.ddl, everybody.rules));
  });

  it("a scope that reads the table itself goes step by step at once", async () => {
    const device = await open(folders.ddl, folders.rules);
    await sql`insert into folders (id, owner_id) values ('a', 'alice')`.execute(device.db);
    expect(await sendFolders(device)).toEqual([stepByStep, stepByStep, stepByStep]);
  });
});

function suite(server: MysqlServer): void {
  it("after two that fail in a row, fewer and fewer are tried", async () => {
    const { dialect } = await open(everybody.ddl, {});
    await expectFewer(await openDevice(dialect, everybody.rules));
  });

  /** A database, and a user who has rights to these tables. */
  const open = async (ddl: readonly string[], rights: Readonly<Record<string, string>>) => {
    const { url, drop } = await createMysqlDatabase(server);
    closing.push(drop);
    const admin: Any = new Kysely({
      dialect: new MysqlDialect({ pool: mysqlPool(url, { connectionLimit: 1 }) }),
    });
    closing.push(() => admin.destroy());
    const run = (statement: string) => sql.raw(statement).execute(admin);
    for (const statement of ddl) await run(statement);
    await createTables(admin);
    const user = `flights_${crypto.randomUUID().slice(0, 8)}`;
    await run(`create user ${user}@'%' identified by 'secret'`);
    closing.push(() => run(`drop user ${user}@'%'`));
    const { rows } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables where table_schema = database()
    `.execute(admin);
    for (const { name } of rows)
      await run(
        `grant ${rights[name] ?? "select, insert, update, delete, trigger"} on ${name} to ${user}@'%'`,
      );
    const pool = guardPool(mysqlPool(url, { user, password: "secret", connectionLimit: 2 }));
    return { dialect: new MysqlDialect({ pool }), run, user };
  };

  it("a scope that reads the table itself goes step by step at once", async () => {
    const { dialect, run } = await open(folders.ddl, {});
    await run("insert into folders (id, owner_id) values ('a', 'alice')");
    const device = await openDevice(dialect, folders.rules);
    expect(await sendFolders(device)).toEqual([stepByStep, stepByStep, stepByStep]);
  });

  it("a PUT of a user who may not change the key goes step by step at once", async () => {
    const { dialect } = await open(everybody.ddl, {
      items: "select, insert, delete, trigger, update (name)",
    });
    const { send, warm } = await openDevice(dialect, everybody.rules);
    for (let time = 0; time < 2; time += 1) {
      await warm();
      expect(await send(put("items", "a", { name: `${time}` }))).toEqual(stepByStep);
    }
    expect(await send(patch("items", "a", { name: "x" }))).toMatchObject({ flown: true });
  });

  it("bytes, which are an expression here, go step by step at once", async () => {
    const { dialect } = await open(
      [`create table items (id ${text} primary key, data varbinary(20))`, marks],
      {},
    );
    const { send, warm } = await openDevice(dialect, everybody.rules);
    for (const crud of [put, patch].map((op) => op("items", "a", { data: "AAEC" }))) {
      await warm();
      expect(await send(crud)).toEqual(stepByStep);
    }
  });

  it("a user who can't see triggers gets the answers of one who can", async () => {
    const ddl = [
      ...["items", "moved"].map(
        (name) =>
          `create table ${name} (id ${text} primary key, name ${text}, owner_id ${text} collate utf8mb4_bin)`,
      ),
      "create trigger moving before insert on moved for each row set new.owner_id = if(new.name = 'away', 'bob', new.owner_id)",
      "create trigger changing before update on moved for each row set new.owner_id = if(new.name = 'away', 'bob', new.owner_id)",
      marks,
    ];
    const owned = { owner: "owner_id" };
    const answers = [];
    for (const seen of ["", ", trigger"]) {
      const rights = `select, insert, update, delete${seen}`;
      const { dialect, run } = await open(ddl, { items: rights, moved: rights });
      const { send, warm } = await openDevice(dialect, { items: owned, moved: owned });
      await run("insert into items values ('a', 'x', 'alice'), ('b', 'x', 'bob')");
      await run("insert into moved values ('a', 'x', 'alice'), ('b', 'x', 'bob')");
      const told = [];
      for (const [table, name] of [
        ["items", "y"],
        ["moved", "y"],
        ["moved", "away"],
      ] as const)
        for (const crud of [
          put(table, "c", { name, owner_id: "alice" }),
          put(table, "a", { name }),
          patch(table, "a", { name }),
          put(table, "b", { name }),
          patch(table, "b", { name }),
          remove(table, "b"),
          remove(table, "c"),
        ]) {
          await warm();
          const { answer, flown } = await send(crud);
          told.push(`${crud.op} ${table} ${crud.id} ${name}: ${answer}`);
          if (crud.op === "PUT" && (table === "moved" || seen === "")) expect(flown).toBe(false);
          await run("delete from powersync_dead_letters");
        }
      answers.push(told);
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toContain("PUT moved a away: UNAUTHORIZED");
    expect(answers[0]).toContain("PATCH moved a away: UNAUTHORIZED");
  });

  it.skipIf(server.name === "MariaDB")(
    "neither does one who may see them everywhere but here",
    async () => {
      const ddl = [
        `create table items (id ${text} primary key, name ${text}, owner_id ${text} collate utf8mb4_bin)`,
        "create trigger moving before insert on items for each row set new.owner_id = 'bob'",
        marks,
      ];
      const { dialect, run, user } = await open(ddl, {});
      await run("set global partial_revokes = on");
      closing.push(() => run("set global partial_revokes = off"));
      const { rows } = await run("select database() as name");
      const [{ name } = { name: "" }] = rows as readonly { readonly name: string }[];
      await run(`grant trigger on *.* to ${user}@'%'`);
      await run(`revoke all on ${name}.items from ${user}@'%'`);
      await run(`grant select, insert, update, delete on ${name}.items to ${user}@'%'`);
      await run(`revoke trigger on ${name}.* from ${user}@'%'`);
      closing.push(() => run(`grant trigger on ${name}.* to ${user}@'%'`));
      const { send, warm } = await openDevice(dialect, { items: { owner: "owner_id" } });
      await warm();
      expect(await send(put("items", "a", { name: "x" }))).toMatchObject({
        answer: "UNAUTHORIZED",
        flown: false,
      });
    },
  );
}

for (const server of mysqlServers)
  describe.skipIf(!(await server.available()))(`on ${server.name}`, () => suite(server));
