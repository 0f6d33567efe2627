/** The demo beside its page: where it listens, what it warns of, its mutation, its conflicts on each database, and what it ships for a real PowerSync service. */
import { readFile } from "node:fs/promises";
import { Kysely, PostgresDialect } from "kysely";
import { type Document, MongoClient } from "mongodb";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { openDatabase } from "../../examples/todolist/database.js";
import { tables } from "../../examples/todolist/rules.js";
import { type Database, prepare } from "../../examples/todolist/schema.js";
import { createWrites } from "../../src/index.js";
import { createPostgresDatabase } from "../support/databases.js";
import { type Demo, startDemo } from "../support/demo.js";
import { startResponder } from "../support/mongodb-responder/responder.js";
import { createMysqlDatabase } from "../support/mysql.js";
import { mysqlServers, postgresAvailable } from "../support/servers.js";

const shipped = (name: string) =>
  readFile(new URL(`../../examples/todolist/powersync/${name}`, import.meta.url), "utf8");

const success = { results: [{ status: "success" }] };

/** Alice makes a list, shares it with Bob, and takes notes. */
async function useDemo({ url }: Demo) {
  const { token } = (await (await fetch(`${url}/dev/token?sub=alice`)).json()) as {
    token: string;
  };
  const [list, id] = [crypto.randomUUID(), crypto.randomUUID()];
  const send = async (transactionId: number, ...crud: readonly object[]) => {
    const response = await fetch(`${url}/api/data`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({
        client_id: "d",
        transactions: [{ transaction_id: transactionId, crud }],
      }),
    });
    return response.json();
  };
  const share = (to: string) => ({
    op: "PUT",
    table: "powersync_mutations",
    id: crypto.randomUUID(),
    op_data: { name: "list.share", args: JSON.stringify({ id, list, with: to }) },
  });
  expect(await send(1, { op: "PUT", table: "lists", id: list, op_data: {} })).toEqual(success);
  expect(await send(2, share("bob"))).toEqual(success);
  // With another one already, nothing is left to do; the same id would be taken.
  expect(await send(3, share("bob"))).toEqual(success);
  expect(await send(4, share("alice"))).toMatchObject({
    results: [{ failed_operation: { error_code: "YOURSELF" } }],
  });
  expect(await send(5, share("  "))).toMatchObject({
    results: [{ failed_operation: { error_code: "INVALID_DATA" } }],
  });
  // Two devices count, and the numbers are added up.
  const put = { list_id: list, people: 1 };
  const note = { op: "PUT", table: "list_notes", id, op_data: put };
  const counted = {
    ...note,
    op: "PATCH",
    op_data: { people: 2 },
    previous_values: { people: 1 },
  };
  expect(await send(7, note)).toEqual(success);
  expect(await send(8, counted)).toEqual(success);
  expect(await send(9, counted)).toEqual(success);
  const late = { ...note, op: "PATCH", op_data: { note: "c" }, previous_values: { note: "b" } };
  expect(await send(10, late)).toMatchObject({
    results: [
      { failed_operation: { error_code: "CONFLICT", details: { theirs: { note: null } } } },
    ],
  });
  // Nobody writes members but the mutation.
  const member = { op: "PUT", table: "list_members", id, op_data: { list_id: list } };
  expect(await send(6, member)).toMatchObject({
    results: [{ failed_operation: { error_code: "UNKNOWN_TABLE" } }],
  });
  return { list, send };
}

describe("the demo", () => {
  it("listens where HOST says, warns of a service that reads nothing, and shares a list once", async () => {
    const demo = await startDemo({
      HOST: "127.0.0.2",
      POWERSYNC_URL: "http://127.0.0.1:9",
      DATABASE_URL: "",
    });
    try {
      expect(demo.url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
      expect(demo.said()).toContain("Warning: POWERSYNC_URL is set, but the database is in this");
      await useDemo(demo);
    } finally {
      expect(await demo.stop()).toBe(0);
    }
  });

  // The tests' responder answers, which is no MongoDB.
  it("does the same on MongoDB, with collections, validators and indexes that it makes", async () => {
    const responder = await startResponder();
    const url = responder.url.replace("/?", "/todolist?");
    const client = new MongoClient(url);
    const db = client.db();
    const demo = await startDemo({ DATABASE_URL: url });
    try {
      expect(demo.said()).toContain("(MongoDB, database todolist)");
      const { list, send } = await useDemo(demo);
      const text = { _id: list as never };
      const put = (data: object) => ({
        op: "PUT",
        table: "todos",
        id: crypto.randomUUID(),
        op_data: { list_id: list, ...data },
      });
      const at = "2026-01-01T00:00:00.000Z";
      expect(await send(11, put({ description: "x", completed: 0, created_at: at }))).toEqual(
        success,
      );
      expect(await send(12, put({}))).toMatchObject({
        results: [{ failed_operation: { error_code: "NOT_NULL_VIOLATION" } }],
      });
      const rows = async () =>
        Promise.all(
          ["lists", "todos", "list_notes", "list_members"].map((name) =>
            db
              .collection(name)
              .find({}, { projection: { _id: 0 } })
              .toArray(),
          ),
        );
      expect(await rows()).toEqual([
        [{ owner_id: "alice" }],
        [{ list_id: list, description: "x", completed: false, created_at: new Date(at) }],
        [{ list_id: list, people: 3 }],
        [{ list_id: list, user_id: "bob" }],
      ]);
      expect(await db.collection("lists").findOne(text)).not.toBeNull();
      // What belongs to a list goes with it.
      expect(await send(13, { op: "DELETE", table: "lists", id: list })).toEqual(success);
      expect(await rows()).toEqual([[], [], [], []]);
      expect(demo.said()).not.toContain('"type":"mismatch"');
      // What a PowerSync service is to read is there.
      const { bucket_definitions: buckets } = parse(await shipped("sync-config-mongodb.yaml")) as {
        bucket_definitions: Record<string, { parameters: string; data: readonly string[] }>;
      };
      const all = await db.listCollections({}, { nameOnly: false }).toArray();
      const fields = new Map(
        all.map(({ name, options }) => [
          name,
          Object.keys(
            (options?.validator?.["$jsonSchema"] as Document | undefined)?.["properties"] ?? {},
          ),
        ]),
      );
      for (const { parameters, data } of Object.values(buckets))
        for (const query of [parameters, ...data]) {
          const [, columns = "", name = "", where = ""] =
            /^SELECT (.+) FROM (\w+) WHERE (\w+) = /.exec(query) ?? [];
          const named = columns.split(", ").map((column) => column.replace(/ AS \w+$/, ""));
          expect(fields.get(name)).toEqual(expect.arrayContaining([...named, where]));
        }
      const [connection] = (
        parse(await shipped("service-mongodb.yaml")) as {
          replication: { connections: readonly object[] };
        }
      ).replication.connections;
      expect(connection).toMatchObject({ type: "mongodb", post_images: "read_only" });
      const made = await db.listCollections({ name: "todos" }, { nameOnly: false }).toArray();
      expect(made[0]?.options).toMatchObject({
        changeStreamPreAndPostImages: { enabled: true },
        validator: { $jsonSchema: { required: ["_id", "description"] } },
      });
    } finally {
      expect(await demo.stop()).toBe(0);
      await client.close();
      await responder.close();
    }
  });
});

const servers = [
  { name: "Postgres", available: postgresAvailable, create: createPostgresDatabase },
  ...mysqlServers.map((server) => ({ ...server, create: () => createMysqlDatabase(server) })),
];

describe.each(servers)("a note of the demo, on $name", async (source) => {
  it.skipIf(!(await source.available()))(
    "adds what two devices count, and asks about what both have written",
    async () => {
      const { url, drop } = await source.create();
      const { db } = openDatabase(url);
      try {
        const failed: unknown[] = [];
        await prepare(db, AbortSignal.timeout(60_000), (error) => failed.push(error));
        expect(failed).toEqual([]);
        const writes = createWrites({
          authenticate: () => ({ userId: "alice" }),
          database: db,
          tables,
          logger: false,
        });
        const [list, note] = [crypto.randomUUID(), crypto.randomUUID()];
        let sent = 0;
        const send = (device: string, ...crud: readonly object[]) =>
          writes.processTransaction(
            { client_id: device, transaction_id: (sent += 1), crud },
            { principal: { userId: "alice" } },
          );
        const patch = (was: object, is: object) => ({
          op: "PATCH",
          table: "list_notes",
          id: note,
          op_data: is,
          previous_values: was,
        });
        const made = await send(
          "phone",
          { op: "PUT", table: "lists", id: list, op_data: { name: "Groceries" } },
          {
            op: "PUT",
            table: "list_notes",
            id: note,
            op_data: { list_id: list, note: "a", people: 1 },
          },
        );
        expect(made).toEqual({ status: "success" });
        expect(await send("laptop", patch({ people: 1 }, { people: 3 }))).toEqual(made);
        expect(await send("phone", patch({ people: 1 }, { people: 2 }))).toEqual(made);
        expect(await send("laptop", patch({ note: "a" }, { note: "b" }))).toEqual(made);
        expect(await send("phone", patch({ note: "a" }, { note: "c" }))).toMatchObject({
          failedOperation: {
            errorCode: "CONFLICT",
            details: { base: { note: "a" }, theirs: { note: "b" }, yours: { note: "c" } },
          },
        });
        expect(await send("phone", patch({ note: "b" }, { note: "c" }))).toEqual(made);
        expect(await db.selectFrom("list_notes").select(["note", "people"]).execute()).toEqual([
          { note: "c", people: 4 },
        ]);
        // The note goes with its list.
        expect(await send("phone", { op: "DELETE", table: "lists", id: list })).toEqual(made);
        expect(await db.selectFrom("list_notes").select("id").execute()).toEqual([]);
      } finally {
        await db.destroy();
        await drop();
      }
    },
  );
});

describe.skipIf(!(await postgresAvailable()))("what the demo ships for a real service", () => {
  it("fits the tables that it makes", async () => {
    const { url, drop } = await createPostgresDatabase();
    const db = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }),
    });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const failed: unknown[] = [];
      await prepare(db, AbortSignal.timeout(60_000), (error) => failed.push(error));
      expect(failed).toEqual([]);
      // Roles are the whole server's: nothing is kept.
      await client.query("begin");
      await client.query(await shipped("postgres.sql"));
      const { rows: published } = await client.query(
        "select tablename from pg_publication_tables where pubname = 'powersync' order by 1",
      );
      const names = published.map(({ tablename }: { tablename: string }) => tablename);
      expect(names).toEqual(["list_members", "list_notes", "lists", "todos"]);

      const { bucket_definitions: buckets } = parse(await shipped("sync-config.yaml")) as {
        bucket_definitions: Record<string, { parameters: string; data: readonly string[] }>;
      };
      expect(Object.keys(buckets)).toEqual(["own_lists", "shared_lists"]);
      for (const { parameters, data } of Object.values(buckets)) {
        for (const query of [parameters, ...data]) {
          expect(names).toContain(/ FROM (\w+)/.exec(query)?.[1]);
          // Their functions and parameters are the service's.
          await client.query(
            query
              .replace("request.user_id()", "'alice'")
              .replace("bucket.list_id", "gen_random_uuid()"),
          );
        }
      }
      await client.query("rollback");
      expect(parse(await shipped("service.yaml"))).toMatchObject({
        sync_rules: { path: "sync-config.yaml" },
        client_auth: {
          jwks_uri: "http://127.0.0.1:6060/dev/jwks.json",
          audience: ["todolist"],
        },
      });
    } finally {
      await client.end();
      await db.destroy();
      await drop();
    }
  });
});
