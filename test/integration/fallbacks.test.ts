/** What the ordinary cases cost in trips to the database that are not plain success, or look as if they were not: a cascade's deletes, a repeat, a stale row. */
import { Kysely, MysqlDialect, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { guardPool as guardMysqlPool } from "../../adapters/mysql2.js";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type WritesConfig } from "../../src/index.js";
import { createProxy, type Proxy } from "../bench/speed/proxy.js";
import { createPostgresDatabase } from "../support/databases.js";
import { createMysqlDatabase, mysqlPool } from "../support/mysql.js";
import { mysqlServers, postgresAvailable } from "../support/servers.js";
import type { TestPrincipal } from "../support/writes.js";

const principal = { userId: "alice" };
const text = "varchar(64)";
const common = [
  `create table lists (id ${text} primary key, owner_id ${text})`,
  `create table todos (id ${text} primary key, list_id ${text}, foreign key (list_id) references lists (id) on delete cascade)`,
  `create table stamped (id ${text} primary key, stamp integer)`,
];

interface Server {
  readonly name: string;
  readonly available: boolean;
  readonly protocol: "postgres" | "mysql";
  readonly ddl: readonly string[];
  create(): Promise<{ readonly url: string; drop(): Promise<void> }>;
  connect(url: string): Kysely<never>;
  /** `stale`: a row that the database declines to change, which no trigger does on MySQL. */
  readonly trips: {
    readonly cascade: number;
    readonly repeat: number;
    readonly stale?: readonly [first: number, next: number];
  };
}

const servers: readonly Server[] = [
  {
    name: "Postgres",
    available: await postgresAvailable(),
    protocol: "postgres",
    ddl: [
      ...common,
      `create function keep_newer() returns trigger language plpgsql as $$
       begin if new.stamp < old.stamp then return null; end if; return new; end $$`,
      "create trigger newer before update on stamped for each row execute function keep_newer()",
    ],
    create: createPostgresDatabase,
    connect: (connectionString) =>
      new Kysely({
        dialect: new PostgresDialect({
          pool: guardPool(new pg.Pool({ connectionString, max: 1 })),
        }),
      }),
    trips: { cascade: 1, repeat: 7, stale: [12, 5] },
  },
  ...(await Promise.all(
    mysqlServers.map(async (server): Promise<Server> => ({
      name: server.name,
      available: await server.available(),
      protocol: "mysql",
      ddl: common,
      create: () => createMysqlDatabase(server),
      connect: (url) =>
        new Kysely({
          dialect: new MysqlDialect({
            pool: guardMysqlPool(mysqlPool(url, { connectionLimit: 1 })),
          }),
        }),
      trips: { cascade: 2, repeat: 6 },
    })),
  )),
];

for (const { name, available, protocol, ddl, create, connect, trips } of servers) {
  describe.skipIf(!available)(`on ${name}`, () => {
    let own: { readonly url: string; drop(): Promise<void> };
    let proxy: Proxy;
    let db: Kysely<never>;
    let device = 0;
    let opId = 0;

    beforeAll(async () => {
      own = await create();
      const url = new URL(own.url);
      // Long enough for what is sent in one go to arrive as one.
      proxy = await createProxy(
        Number(url.port) || (protocol === "postgres" ? 5432 : 3306),
        protocol,
        4,
      );
      url.port = String(proxy.port);
      url.hostname = "127.0.0.1";
      db = connect(url.href);
      for (const statement of ddl) await sql.raw(statement).execute(db);
      await createTables(db);
    });
    afterAll(async () => {
      await db.destroy();
      proxy.close();
      await own.drop();
    });

    const open = () =>
      createWrites<TestPrincipal, never>({
        logger: false,
        authenticate: () => principal,
        database: db,
        ledger: { prune: false },
        tables: {
          lists: { owner: "owner_id" },
          todos: { belongsTo: { list_id: "lists" } },
          stamped: { access: "everyone" },
        } as unknown as WritesConfig<TestPrincipal, never>["tables"],
      });
    let writes: ReturnType<typeof open>;
    const numbered = (entries: readonly object[]) =>
      entries.map((entry) => ({ ...entry, op_id: (opId += 1) }));
    /** @returns the trips that it took */
    const send = async (crud: readonly object[]) => {
      proxy.reset();
      const result = await writes.processTransaction(
        { crud },
        { principal, clientId: `device ${device}` },
      );
      expect(result).toEqual({ status: "success" });
      return proxy.traffic.trips;
    };
    const put = (table: string, id: string, op_data: object = {}) => ({
      op: "PUT",
      table,
      id,
      op_data,
    });
    const remove = (table: string, id: string) => ({ op: "DELETE", table, id });
    const fill = (at: string) => [
      put("lists", `list ${at}`),
      ...[1, 2, 3].map((n) => put("todos", `todo ${at} ${n}`, { list_id: `list ${at}` })),
    ];

    /** A device, a process and a connection that are known. */
    beforeEach(async () => {
      device += 1;
      writes = open();
      for (const n of [1, 2, 3]) {
        await send(numbered(fill(`${device} ${n}`)));
        await send(numbered([remove("todos", `todo ${device} ${n} 1`)]));
        await send(numbered([put("stamped", `row ${device} ${n}`, { stamp: 5 })]));
      }
    });

    it("a list that is deleted with its todos, and then the todos", async () => {
      const todos = [1, 2, 3].map((n) => remove("todos", `todo ${device} 1 ${n}`));
      const gone = await send(numbered([remove("lists", `list ${device} 1`), ...todos]));
      expect(gone).toBeLessThanOrEqual(trips.cascade);
    });

    it("a repeat, and what comes behind it", async () => {
      const crud = numbered(fill(`${device} again`));
      const plain = await send(crud);
      expect(await send(crud)).toBeLessThanOrEqual(trips.repeat);
      expect(await send(numbered(fill(`${device} behind`)))).toBeLessThanOrEqual(plain);
    });

    it.skipIf(trips.stale === undefined)("a row that the database declines to change", async () => {
      const stale = { op: "PATCH", table: "stamped", id: `row ${device} 1`, op_data: { stamp: 1 } };
      const [first, next] = trips.stale ?? [0, 0];
      expect(await send(numbered([stale]))).toBeLessThanOrEqual(first);
      // By now it is known that it may decline.
      expect(await send(numbered([stale]))).toBeLessThanOrEqual(next);
    });
  });
}
