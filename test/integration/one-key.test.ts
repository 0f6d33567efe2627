/** What the process remembers of a database goes by its key, also where the Kysely object is made anew for each request. */
import crypto from "node:crypto";
import Database from "better-sqlite3";
import { Kysely, type Logger, PostgresDialect, sql, SqliteDialect } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import {
  createWrites,
  type Principal,
  rls,
  type TransactionResult,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { flightRequest } from "../../src/sql/pool-requests.js";
import { isChosen } from "../support/chosen.js";
import {
  createPostgresDatabase,
  createTestTables,
  prepared,
  type TestDatabase,
} from "../support/databases.js";
import { badThing, from, goodThing, put, uuid } from "../support/letters.js";
import { postgresRow, postgresTables } from "../support/postgres.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { sqliteGiven, sqliteRow, sqliteTables } from "../support/sqlite.js";
import { type Supabase, supabaseOnPostgres, type SupabaseSchema } from "../support/supabase.js";

type Db = Kysely<TestSchema>;
type Config = WritesConfig<Principal, TestSchema>;

interface Opened {
  readonly database: TestDatabase;
  /** Another object each time, on the same connections. */
  readonly anew: () => Db;
}

interface On {
  readonly name: string;
  available(): Promise<boolean>;
  open(log: Logger): Promise<Opened>;
}

async function openPostgres(log: Logger, made: "schema" | "whole"): Promise<Opened> {
  const { url, drop } = await createPostgresDatabase();
  const pool = guardPool(new pg.Pool({ connectionString: url, max: 4 }));
  const dialect = new PostgresDialect({ pool });
  const database = await prepared({
    dialect,
    tables: postgresTables,
    plain: postgresRow,
    drop,
    log,
  });
  return {
    database,
    anew: () =>
      made === "schema"
        ? database.db.withSchema("public")
        : new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }), log }),
  };
}

const all: readonly On[] = [
  {
    name: "Postgres, db.withSchema(…) for each request",
    available: postgresAvailable,
    open: (log) => openPostgres(log, "schema"),
  },
  {
    name: "Postgres, a Kysely object for each request",
    available: postgresAvailable,
    open: (log) => openPostgres(log, "whole"),
  },
  {
    name: "SQLite, db.withSchema(…) for each request",
    available: async () => isChosen("sqlite"),
    open: async (log) => {
      const database = await prepared({
        dialect: new SqliteDialect({
          database: new Database(":memory:").defaultSafeIntegers(true),
        }),
        tables: sqliteTables,
        plain: sqliteRow,
        given: sqliteGiven,
        log,
      });
      return { database, anew: () => database.db.withSchema("main") };
    },
  },
];

const alice = { principal: { userId: "alice" }, clientId: "phone" };
const bob = { principal: { userId: "bob" }, clientId: "tablet" };
const success = { status: "success" };

/** Resolves when the transactions of so many calls, each with an identity, have been looked for among those in flight. */
function looked(calls: number): { readonly all: Promise<void> } {
  let left = calls * 2;
  let resolve: () => void = () => undefined;
  const all = new Promise<void>((done) => {
    resolve = done;
  });
  const { createHash } = crypto;
  vi.spyOn(crypto, "createHash").mockImplementation((...named) => {
    const hash = createHash(...named);
    const update = hash.update.bind(hash);
    vi.spyOn(hash, "update").mockImplementation((...data: Parameters<typeof update>) => {
      // An identity's two name the client; what a store hashes of its schema doesn't.
      if (String(data[0]).includes('"phone"')) left -= 1;
      // What follows from the answer comes first.
      if (left === 0) setImmediate(resolve);
      return update(...data);
    });
    return hash;
  });
  return { all };
}

function ledgersOf(events: readonly WriteEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === "transaction" ? [event.ledger] : [])).toSorted();
}

describe.each(all)("$name", (on) => {
  let opened: Opened | undefined;
  let statements: string[] = [];
  let events: WriteEvent[] = [];

  beforeAll(async () => {
    if (!(await on.available())) return;
    opened = await on.open(({ query: { sql, parameters } }) => {
      // Whether a connection can send transactions as a whole is asked once, and no server is.
      if (sql !== flightRequest || parameters.length > 0) statements.push(sql);
    });
  });
  afterAll(() => opened?.database.close());
  beforeEach(async ({ skip }) => {
    skip(opened === undefined);
    await opened?.database.reset();
    statements = [];
    events = [];
  });
  afterEach(() => void vi.restoreAllMocks());

  const use = (): Opened => {
    if (opened === undefined) throw new Error("The database is not open.");
    return opened;
  };

  const open = (database: Config["database"], config: Partial<Config> = {}): Writes<Principal> =>
    createWrites<Principal, TestSchema>({
      authenticate: () => alice.principal,
      tables: { lists: { access: "everyone" }, things: { access: "everyone" } },
      database,
      onEvent: (event) => void events.push(event),
      logger: false,
      ...config,
    });

  const keyed = (config: Partial<Config> = {}) =>
    open({ open: use().anew, key: () => "one" }, config);
  const unkeyed = (config: Partial<Config> = {}) => open(() => use().anew(), config);

  /** Statements of each upload, one after the other. */
  const counted = async (writes: Writes<Principal>, first: number): Promise<readonly number[]> => {
    const counts: number[] = [];
    for (let n = first; n < first + 3; n += 1) {
      statements = [];
      const body = from("phone", n, put("lists", uuid(n), { name: "x" }), goodThing(uuid(n)));
      expect(await writes.processTransaction(body, alice)).toEqual(success);
      counts.push(statements.length);
    }
    return counts;
  };

  it("takes as many statements an upload as with one object", async () => {
    // A device's first upload enters the device as well; and for each key it is another device.
    const known = async (opened: () => Writes<Principal>, first: number) => {
      await counted(opened(), first + 100);
      return counted(opened(), first);
    };
    const one = await known(() => open(use().database.db), 1);
    expect(await known(keyed, 11)).toEqual(one);
    // The schema is read with the first.
    expect(one[0]).toBeGreaterThan(one[1] ?? 0);
    expect(one[2]).toBe(one[1]);
    // Without a key it is read each time.
    const [first, ...others] = await known(unkeyed, 21);
    expect(others).toEqual([first, first]);
    expect(first).toBe(one[0]);
  });

  it("shares one execution between identical transactions in flight", async () => {
    const { all: bothLooked } = looked(2);
    let attempts = 0;
    const writes = keyed({
      authorize: async () => {
        attempts += 1;
        await bothLooked;
      },
    });
    const body = from("phone", 1, put("lists", uuid(1), { name: "x" }));
    const send = () => writes.processTransaction(body, alice);
    expect(await Promise.all([send(), send()])).toEqual([success, success]);
    expect(attempts).toBe(1);
    expect(ledgersOf(events)).toEqual(["miss", "shared"]);
  });

  it("shares nothing without a key, and is right all the same", async () => {
    const writes = unkeyed();
    const body = from("phone", 1, put("lists", uuid(1), { name: "x" }));
    const send = () => writes.processTransaction(body, alice);
    expect(await Promise.all([send(), send()])).toEqual([success, success]);
    expect(ledgersOf(events)).toEqual(["hit", "miss"]);
    const rows = await use().database.db.selectFrom("lists").select(["id", "name"]).execute();
    expect(rows).toEqual([{ id: uuid(1), name: "x" }]);
  });

  it("remembers by the key that something has been applied, so that what keeps failing is parked", async () => {
    const writes = keyed({
      // Nothing that is applied leaves a trace in the database.
      ledger: false,
      parking: { attempts: 2, afterHours: 0 },
      authorize: ({ values }) => {
        if (values.name === "poison") throw new Error("bug");
      },
    });
    const send = (n: number, name: string, who = alice) =>
      writes.processTransaction(from(who.clientId, n, put("lists", uuid(n), { name })), who);
    let result: TransactionResult = await send(1, "poison");
    expect(result.status).toBe("retryable_error");
    // Times are compared to the millisecond on SQLite.
    for (let n = 2; n < 200 && result.status !== "fatal_error"; n += 1) {
      expect(await send(n, "fine", bob)).toEqual(success);
      result = await send(1, "poison");
    }
    expect(result).toMatchObject({ failedOperation: { errorCode: "RETRIES_EXHAUSTED" } });
  });

  it("remembers by the key whose dead letters are too many", async () => {
    const writes = keyed({ deadLetters: { open: 1 } });
    const send = (n: number, who = alice) =>
      writes.processTransaction(from(who.clientId, n, badThing(uuid(n))), who);
    expect(await send(1)).toMatchObject({ failedOperation: { errorCode: "CHECK_VIOLATION" } });
    expect(await send(2)).toMatchObject({ status: "retryable_error" });
    statements = [];
    expect(await send(2)).toMatchObject({
      status: "retryable_error",
      message: "Too many of your changes have failed and are waiting for review.",
    });
    expect(statements).toEqual([]);
    expect(await send(3, bob)).toMatchObject({ status: "fatal_error" });
  });

  it("remembers by the key when it has pruned", async () => {
    // The first upload's time, and then an hour later.
    vi.spyOn(Math, "random").mockReturnValue(0);
    const pruned = async (writes: Writes<Principal>, first: number, times: number) => {
      events = [];
      for (let n = first; n < first + 3; n += 1) {
        await writes.processTransaction(from("phone", n, goodThing(uuid(n))), alice);
      }
      await vi.waitUntil(() => prunedEvents().length >= times, { timeout: 60_000 });
      // It waits for what runs behind the requests.
      await writes.drain(60_000);
      return prunedEvents().length;
    };
    const prunedEvents = () => events.filter(({ type }) => type === "pruned");
    expect(await pruned(keyed(), 1, 1)).toBe(1);
    expect(await pruned(unkeyed(), 11, 3)).toBe(3);
  });

  it("tells apart two keys on the same connections", async () => {
    const writes = open({ open: use().anew, key: ({ userId }) => userId });
    statements = [];
    const send = async (n: number, who: typeof alice) => {
      statements = [];
      const body = from(who.clientId, n, goodThing(uuid(n)));
      expect(await writes.processTransaction(body, who)).toEqual(success);
      return statements.length;
    };
    const first = await send(1, alice);
    // Another schema, for all that is known.
    expect(await send(2, bob)).toBe(first);
    expect(await send(3, alice)).toBeLessThan(first);
    expect(await send(4, bob)).toBeLessThan(first);
  });

  it("refuses a key that is no text, and keeps the write on the device", async () => {
    const key = (() => undefined) as unknown as () => string;
    const writes = open({ open: use().anew, key });
    const body = from("phone", 1, goodThing(uuid(1)));
    expect(await writes.processTransaction(body, alice)).toMatchObject({
      status: "retryable_error",
    });
    expect(events).toMatchObject([{ type: "error", error: { name: "TypeError" } }]);
    expect(statements).toEqual([]);
  });
});

describe.skipIf(!(await postgresAvailable()))("two tenants in two schemas of one pool", () => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openPostgres(() => undefined, "schema");
    const { db } = opened.database;
    for (const tenant of ["one", "two"]) {
      await sql`create schema ${sql.id(tenant)}`.execute(db);
      await db.connection().execute(async (connection) => {
        await sql`set search_path to ${sql.id(tenant)}`.execute(connection);
        await createTestTables(connection as unknown as Db);
        await sql`reset search_path`.execute(connection);
      });
    }
  });
  afterAll(() => opened.database.close());

  interface Tenant extends Principal {
    readonly tenant: string;
  }
  const of = (tenant: string) => ({ principal: { userId: "alice", tenant }, clientId: "phone" });
  const tables = { lists: { access: "everyone" } } as const;
  const names = async (tenant: string) =>
    (await opened.database.db.withSchema(tenant).selectFrom("lists").select("name").execute()).map(
      ({ name }) => name,
    );

  const identical = async (database: WritesConfig<Tenant, TestSchema>["database"], n: number) => {
    const writes = createWrites<Tenant, TestSchema>({
      authenticate: () => of("one").principal,
      database,
      tables,
      logger: false,
    });
    const body = from("phone", n, put("lists", uuid(n), { name: `list ${n}` }));
    const results = await Promise.all(
      ["one", "two"].map((tenant) => writes.processTransaction(body, of(tenant))),
    );
    expect(results).toEqual([success, success]);
    return { one: await names("one"), two: await names("two") };
  };

  beforeEach(async () => {
    for (const tenant of ["one", "two"])
      await opened.database.db.withSchema(tenant).deleteFrom("lists").execute();
  });

  it("writes identical transactions that come at once in both, by their keys", async () => {
    const database = {
      open: ({ tenant }: Tenant) => opened.database.db.withSchema(tenant),
      key: ({ tenant }: Tenant) => tenant,
    };
    expect(await identical(database, 1)).toEqual({ one: ["list 1"], two: ["list 1"] });
  });

  it("writes them in both without keys", async () => {
    const database = ({ tenant }: Tenant) => opened.database.db.withSchema(tenant);
    expect(await identical(database, 2)).toEqual({ one: ["list 2"], two: ["list 2"] });
  });

  it("keeps a tenant's dead letters to it", async () => {
    const writes = createWrites<Tenant, TestSchema>({
      authenticate: () => of("one").principal,
      database: {
        open: ({ tenant }: Tenant) => opened.database.db.withSchema(tenant),
        key: ({ tenant }: Tenant) => tenant,
      },
      tables: { things: { access: "everyone" } },
      logger: false,
    });
    const bad = from("phone", 3, badThing(uuid(3)));
    expect(await writes.processTransaction(bad, of("one"))).toMatchObject({
      status: "fatal_error",
    });
    expect((await writes.deadLetters.list(of("one"))).letters).toHaveLength(1);
    expect((await writes.deadLetters.list(of("two"))).letters).toEqual([]);
  });
});

describe.skipIf(!(await supabaseOnPostgres.available()))("under rls", () => {
  let supabase: Supabase;
  let statements: string[] = [];
  beforeAll(async () => {
    supabase = await supabaseOnPostgres.open();
  });
  afterAll(() => supabase.close());

  it("takes as many statements an upload as with one object, and inspects the policies once", async () => {
    const db = supabase.connect({ log: ({ query }) => void statements.push(query.sql) });
    const caller = { userId: "aaaaaaaa-0000-4000-8000-000000000001" };
    const counted = async (
      database: WritesConfig<Principal, SupabaseSchema>["database"],
      first: number,
    ) => {
      const writes = createWrites<Principal, SupabaseSchema>({
        authenticate: () => caller,
        database,
        tables: { lists: { access: "everyone" } },
        rls: rls({ role: supabase.roles.authenticated }),
        logger: false,
      });
      const counts: number[] = [];
      for (let n = first; n < first + 3; n += 1) {
        statements = [];
        const body = from("phone", n, put("lists", uuid(n), { name: "x" }));
        expect(await writes.processTransaction(body, { principal: caller })).toEqual(success);
        counts.push(statements.length);
      }
      return counts;
    };
    // A device's first upload enters the device as well; and for each key it is another device.
    const known = async (...[database, first]: Parameters<typeof counted>) => {
      await counted(database, first + 100);
      return counted(database, first);
    };
    const one = await known(db, 1);
    expect(await known({ open: () => db.withSchema("public"), key: () => "one" }, 11)).toEqual(one);
    const [first = 0, second = 0] = one;
    const each = await known(() => db.withSchema("public"), 21);
    expect(each).toEqual([first, first, first]);
    expect(second).toBeLessThan(first);
  });
});
