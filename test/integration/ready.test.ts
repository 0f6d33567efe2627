/** `ready()` and `health()`: for the routes that a load balancer asks, on every database, and where there is none. */
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { anonymous, createTables, createWrites, type WriteEvent } from "../../src/index.js";
import { dialects } from "../support/databases.js";
import { isPuttingBack } from "../support/mysql.js";
import type { TestSchema } from "../support/schema.js";

const events: WriteEvent[] = [];
afterEach(() => void events.splice(0));

function writesOn(database: Kysely<TestSchema> | (() => Kysely<TestSchema>)) {
  return createWrites({
    authenticate: anonymous(),
    database,
    tables: { lists: { access: "everyone" } },
    onEvent: (event) => void events.push(event),
  });
}

describe.each(dialects)("on $name", async (dialect) => {
  describe.skipIf(!(await dialect.available()))("", () => {
    it("ready() says whether the library's tables are there", async () => {
      const log: string[] = [];
      const database = await dialect.open({
        bare: true,
        log: ({ query }) => void log.push(query.sql),
      });
      try {
        const writes = writesOn(database.db);
        expect(await writes.ready()).toEqual({
          ready: false,
          // One problem, because it has one remedy.
          problems: [
            'The library\'s own tables "powersync_ledger", "powersync_devices", "powersync_accounts", "powersync_named", "powersync_dead_letters", "powersync_letter_parts", "powersync_letter_rows", "powersync_attempts" are missing. Remedy: run createTables(database). Until then writes wait on the device.',
          ],
        });
        expect(events.map(({ type }) => type)).toEqual(["not_ready"]);
        await createTables(database.db);
        log.length = 0;
        const asked = () => log.filter((text) => !isPuttingBack(text));
        expect(await writes.ready()).toEqual({ ready: true });
        const one = asked().length;
        log.length = 0;
        const many = await Promise.all(Array.from({ length: 20 }, () => writes.ready()));
        expect(many).toEqual(many.map(() => ({ ready: true })));
        // One look for all that ask meanwhile, and nothing written.
        expect(asked()).toHaveLength(one);
        expect(log.filter((text) => /^\s*(insert|update|delete|create|drop)/i.test(text))).toEqual(
          [],
        );
      } finally {
        await database.close();
      }
    });
  });
});

describe.each(dialects)("what the rules name, on $name", async (dialect) => {
  it.skipIf(!(await dialect.available()))("ready() says which of it is missing", async () => {
    const database = await dialect.open();
    try {
      const writes = createWrites({
        authenticate: anonymous(),
        database: database.db as unknown as Kysely<never>,
        tables: {
          lists: { owner: "owner_id", columns: ["name"] },
          todos: { belongsTo: { list_id: { table: "lists", by: "code" } } },
          gone: { access: "everyone" },
          things: { access: "everyone", id: "key", set: { changed_at: () => null } },
          books: {
            access: "everyone",
            id: "uuid",
            columns: { author: { references: { table: "nobody", match: "uuid", take: "number" } } },
          },
        } as never,
        logger: false,
      });
      const readiness = await writes.ready();
      expect(readiness).toMatchObject({ ready: false });
      const { problems } = readiness as { readonly problems: readonly string[] };
      const named = [
        /^tables\.gone: the database has no table "gone" .*Create it/,
        /^tables\.books: columns\.author refers to the table "nobody", .*Create it/,
        /^tables\.todos: "lists" has no column "code", which belongsTo\.list_id names\. Create it/,
        /^tables\.things: "things" has no column "key", which should hold the client's row id\. Name the key/,
        /^tables\.things: "things" has no column "changed_at", which set\.changed_at names\. Create it/,
      ];
      expect(problems).toHaveLength(named.length);
      for (const each of named) expect(problems.filter((text) => each.test(text))).toHaveLength(1);
      const misspelled = createWrites({
        authenticate: anonymous(),
        database: database.db as unknown as Kysely<never>,
        tables: { lists: { owner: "ownerid" } } as never,
        logger: false,
      });
      const meant =
        'tables.lists: "lists" has no column "ownerid", which owner names. Did you mean "owner_id"? If not, create the column, or remove it from the rule. Until then, writes wait on the device.';
      expect(await misspelled.ready()).toEqual({ ready: false, problems: [meant] });
      expect((await misspelled.check()).map(({ message }) => message)).toContain(meant);
      // Asked anew each time.
      await database.db.schema.alterTable("things").addColumn("changed_at", "integer").execute();
      const again = (await writes.ready()) as { readonly problems: readonly string[] };
      expect(again.problems).toHaveLength(named.length - 1);
    } finally {
      await database.close();
    }
  });
});

describe("without a database", () => {
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  /** Takes connections, and never says a word. */
  async function silent(): Promise<number> {
    const server = createServer((socket) => void sockets.push(socket));
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("There is no port.");
    return address.port;
  }

  function at(port: number): Kysely<TestSchema> {
    const pool = guardPool(
      new pg.Pool({ connectionString: `postgres://x@127.0.0.1:${port}/x`, max: 10 }),
    );
    return new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
  }

  const unusable = {
    ready: false,
    problems: [
      "The database can't be reached, has not answered in time, or can't be used. The log, and an `error` event, have the reason and, if it is known, the remedy.",
    ],
  };

  it("ready() says no, and in no word of the driver's", async () => {
    const port = await silent();
    servers.pop()?.close();
    const db = at(port);
    expect(await writesOn(db).ready()).toEqual(unusable);
    expect(events[0]).toMatchObject({ type: "error", during: "ready", outcome: "ignored" });
    await db.destroy();
  });

  it("ready() does not wait for one that says nothing, nor take another connection each time", async () => {
    const db = at(await silent());
    const writes = writesOn(db);
    // The silence has no end of its own.
    expect(await writes.ready()).toEqual(unusable);
    expect(await writes.ready()).toEqual(unusable);
    expect(sockets).toHaveLength(1);
    // Alive it is.
    expect(writes.health()).toEqual({ status: "ok", inFlight: 0 });
  });

  it("ready() leaves out a database that depends on the principal, unless it is given one", async () => {
    const port = await silent();
    servers.pop()?.close();
    const db = at(port);
    const writes = writesOn(() => db);
    expect(await writes.ready()).toEqual({ ready: true });
    expect(await writes.ready({ userId: "alice" })).toEqual(unusable);
    const broken = writesOn(() => {
      throw new Error("secret");
    });
    expect(await broken.ready({ userId: "alice" })).toEqual(unusable);
    await db.destroy();
  });

  it("health() counts what is in flight", async () => {
    const port = await silent();
    const db = at(port);
    const writes = writesOn(db);
    const put = { op: "PUT", table: "lists", id: crypto.randomUUID(), op_data: {} };
    void writes.processTransaction({ crud: [put] }, { principal: { userId: "alice" } });
    expect(writes.health()).toEqual({ status: "ok", inFlight: 1 });
    expect(await writes.drain(10)).toBe(false);
    expect(writes.health()).toEqual({ status: "draining", inFlight: 1 });
    expect(await writes.ready()).toEqual({
      ready: false,
      problems: ["The server is being stopped."],
    });
  });
});
