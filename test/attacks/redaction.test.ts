/** Every way to fail, with something in it that must not get out: into no answer, no event but `error.error`, and no dead letter's message. */
import type { Server } from "node:http";
import { Kysely, MysqlDialect, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { jwt } from "../../src/jwt/index.js";
import {
  createWrites,
  fatal,
  type Principal,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { adapters, listen } from "../conformance/adapters.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { mysqlPool } from "../support/mysql.js";
import type { TestSchema } from "../support/schema.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

type Config = WritesConfig<TestPrincipal, TestSchema>;

/** In every value, message, token and connection string; short, for it must fit into a column. */
const secret = "zqxjv";
const told = new RegExp(
  [
    secret,
    // What drivers and engines say.
    "things_",
    "violates",
    "constraint failed",
    "duplicate (?:key|entry)",
    "sqlstate",
    "sqlite_",
    "insert into",
    "update `?\\w+`? set",
    "select .+ from",
    "syntax error",
    "unexpected token",
    "econnrefused",
    "127\\.0\\.0\\.1",
    "authentication failed",
    "access denied",
    "node_modules",
    "\\.[jt]s:\\d",
    "\\n\\s+at ",
  ].join("|"),
  "i",
);

const a = "11111111-1111-4111-8111-111111111111";
const b = "22222222-2222-4222-8222-222222222222";
const put = (id: string, op_data: object, table = "things") => ({ op: "PUT", table, id, op_data });

/** By what they break. */
const breaking: Readonly<Record<string, readonly object[]>> = {
  "a unique value": [put(a, { code: secret }), put(b, { code: secret })],
  "a value that must be there": [put(a, { stock: null, code: secret })],
  "a reference": [put(a, { parent_id: b, code: secret })],
  "a check": [put(a, { size: -1, code: secret })],
  "a length": [put(a, { code: secret.repeat(3) })],
  "a number's type": [put(a, { size: secret })],
  "a big number's type": [put(a, { big: secret })],
  "a time's type": [put(a, { created_at: secret }, "lists")],
  "a document's type": [put(a, { labels: { [secret]: secret } }, "lists")],
  "a key's type": [put(secret, { size: 1 })],
  "what a trigger allows": [put(a, { code: "TRIGGER", size: 1 })],
  "a column that there is not": [put(a, { name: secret, no_such_column: secret }, "half_absent")],
  "a table that there is not": [put(a, { name: secret }, "absent")],
  "another's row": [put(a, { owner_id: secret }, "lists")],
};

const triggers: Readonly<Record<TestDialect["family"], readonly string[]>> = {
  postgres: [
    `create function refuse() returns trigger language plpgsql as $$ begin
      raise exception '${secret} of %', new.id using detail = '${secret}', hint = '${secret}';
    end $$`,
    "create trigger refuse before insert on things for each row when (new.code = 'TRIGGER') execute function refuse()",
  ],
  mysql: [
    `create trigger refuse before insert on things for each row
      if new.code = 'TRIGGER' then signal sqlstate '45000' set message_text = '${secret}'; end if`,
  ],
  sqlite: [
    `create trigger refuse before insert on things when new.code = 'TRIGGER' begin select raise(abort, '${secret}'); end`,
  ],
};

const leaky = (): never => {
  throw new Error(`${secret}: insert into "things_${secret}" at /node_modules/x.js:1`);
};

/** By who throws it. */
const throwing: Readonly<Record<string, Partial<Config>>> = {
  authenticate: { authenticate: leaky },
  validate: { validate: leaky },
  "a hook of validate": { hooks: { validate: { after: leaky } } },
  map: { map: leaky },
  authorize: { authorize: leaky },
  "a hook of persist": { hooks: { persist: { after: leaky } } },
  "a hook's own statement": {
    hooks: {
      persist: {
        after: async (_outcome, { tx }) => {
          await sql`insert into things (id) values (${secret})`.execute(tx);
        },
      },
    },
  },
  "a hook that throws what is no error": {
    hooks: {
      map: {
        before: () => {
          // oxlint-disable-next-line no-throw-literal, only-throw-error -- applications do.
          throw { message: secret, code: "23505", detail: secret };
        },
      },
    },
  },
  respond: { hooks: { respond: { after: leaky } } },
  committed: { hooks: { committed: leaky } },
  database: { database: leaky },
  "details that have no JSON": {
    map: () => {
      throw fatal("REFUSED", "It is refused.", { toJSON: leaky });
    },
  },
  deadLetter: { map: refuse, deadLetter: leaky },
  "a table's scope": { tables: { things: { scope: leaky } } },
  "a column's convert": {
    tables: {
      things: { access: "everyone", columns: { code: { column: "code", convert: leaky } } },
    },
  },
  "cors.origins": { cors: { origins: leaky } },
  onRecorded: { map: refuse, deadLetters: { onRecorded: leaky } },
  requiresClientHandling: { map: refuse, deadLetters: { requiresClientHandling: leaky } },
};

function refuse(): never {
  throw fatal("REFUSED", "It is refused.");
}

/** What is no upload. */
const malformed: Readonly<Record<string, string>> = {
  "text that is no JSON": `{"crud": ${secret}}`,
  "JSON that is broken off": `{"crud": ["${secret}"`,
  "another JSON": JSON.stringify([secret]),
  "a member of another type": JSON.stringify({ client_id: { [secret]: secret }, crud: [] }),
  "a transaction that can't be understood": JSON.stringify({ crud: [{ [secret]: secret }] }),
  "an operation that there is not": JSON.stringify({ crud: [{ op: secret, table: "a", id: "b" }] }),
};

let server: Server | undefined;
let events: WriteEvent[];
beforeEach(() => {
  events = [];
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
  server = undefined;
});

async function start<P extends Principal>(config: WritesConfig<P, TestSchema>) {
  const adapter = adapters.find(({ name }) => name === "node:http");
  const writes = createWrites({ ...config, onEvent: (event) => void events.push(event) });
  const listening = await listen(adapter?.listener(writes as never, false) as never);
  ({ server } = listening);
  return listening.url;
}

async function send(url: string, body: string, token = "alice"): Promise<string> {
  const response = await fetch(`${url}/api/data?token=${secret}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      origin: "https://page.example",
    },
    body,
    signal: AbortSignal.timeout(90_000),
  });
  return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
}

/** Everything that is public; and that there was something to be kept. */
function expectNothing(answer: string, letters: readonly object[] = []): void {
  expect(answer).not.toMatch(told);
  expect(JSON.stringify(letters)).not.toMatch(told);
  for (const event of events) {
    // What is for the operator alone.
    const open =
      event.type === "error"
        ? { ...event, error: undefined }
        : event.type === "dead_letter"
          ? { ...event, about: undefined }
          : event;
    expect(JSON.stringify(open)).not.toMatch(told);
  }
}

for (const dialect of dialects) {
  const available = await dialect.available();

  describe.skipIf(!available)(`on ${dialect.name}`, () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await dialect.open();
      for (const statement of triggers[dialect.family])
        await sql.raw(statement).execute(database.db);
    });
    afterAll(() => database?.close());
    beforeEach(() => database.reset());

    const letters = () =>
      database.db.selectFrom("powersync_dead_letters").select(["error_code", "message"]).execute();

    const upload = (crud: readonly object[]) => [
      JSON.stringify({ client_id: "phone", crud: crud.map((op, at) => ({ ...op, op_id: at })) }),
      JSON.stringify({ batch: crud }),
      JSON.stringify({ transactions: [{ crud }] }),
    ];

    it.each(Object.entries(breaking))("what breaks %s", async (_name, crud) => {
      const url = await start<TestPrincipal>({
        ...testConfig(database.db),
        tables: {
          ...testConfig(database.db).tables,
          lists: { owner: "owner_id" },
        },
        timeouts: { statementMs: 5_000 },
      } as Config);
      for (const body of upload(crud)) {
        const answer = await send(url, body);
        // SQLite's columns take what does not fit the others': then there is nothing to be told.
        if (!/"success"|Batch completed/.test(answer)) {
          expect(events.some(({ type }) => type === "error" || type === "schema_missing")).toBe(
            true,
          );
        }
        expectNothing(answer, await letters());
      }
    });

    it.each(Object.entries(throwing))("what %s throws", async (_name, config) => {
      const url = await start<TestPrincipal>({ ...testConfig(database.db), ...config } as Config);
      for (const body of upload([put(a, { code: "x" })])) {
        expectNothing(await send(url, body), await letters());
      }
      expect(events.some(({ type }) => type === "error")).toBe(true);
    });

    it.each(Object.entries(malformed))("%s", async (_name, body) => {
      const url = await start(testConfig(database.db));
      expectNothing(await send(url, body), await letters());
    });

    it("a token that is refused, and a key set that can't be had", async () => {
      const audience = "api";
      const jwks = { keys: [] };
      for (const options of [
        { jwks },
        { jwksUri: `http://127.0.0.1:1/${secret}.json`, allowLoopbackHttp: true },
      ]) {
        const { tables } = testConfig(database.db);
        const authenticate = jwt({
          issuer: `https://${secret}.example`,
          audience,
          ...options,
        } as never);
        const config = { authenticate, database: database.db, tables } as WritesConfig<
          Principal,
          TestSchema
        >;
        const url = await start(config);
        const header = Buffer.from(JSON.stringify({ alg: "RS256", kid: secret })).toString(
          "base64url",
        );
        for (const token of [secret, `${header}.e30.${secret}`]) {
          const answer = await send(url, "{}", token);
          expect(answer).toMatch(/^(?:401|503) /);
          expectNothing(answer);
        }
        server?.closeAllConnections();
        server?.close();
        server = undefined;
      }
    });
  });
}

describe("a database that can't be reached", () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  const postgresAt = (connectionString: string) =>
    new Kysely<TestSchema>({
      dialect: new PostgresDialect({
        pool: new pg.Pool({ connectionString, connectionTimeoutMillis: 2_000 }),
      }),
    });
  const mysqlAt = (url: string) =>
    new Kysely<TestSchema>({
      dialect: new MysqlDialect({ pool: mysqlPool(url, { connectTimeout: 2_000 }) }),
    });

  it.each([
    ["no Postgres there", () => postgresAt(`postgres://${secret}:${secret}@127.0.0.1:1/${secret}`)],
    [
      "no such host",
      () => postgresAt(`postgres://${secret}:${secret}@${secret}.invalid/${secret}`),
    ],
    ["no such Postgres role", () => postgresAt(`postgres://${secret}:x@127.0.0.1:5432/${secret}`)],
    ["no MySQL there", () => mysqlAt(`mysql://${secret}:${secret}@127.0.0.1:1/${secret}`)],
    ["no such MySQL user", () => mysqlAt(`mysql://${secret}:${secret}@127.0.0.1:3306/${secret}`)],
  ])("%s", async (_name, connect) => {
    const db = connect();
    closing.push(() => db.destroy());
    const url = await start(testConfig(db));
    for (const body of [
      { client_id: "phone", crud: [{ ...put(a, { code: "x" }), op_id: 1 }] },
      { batch: [put(a, { code: "x" })] },
      { crud: [put(a, {}, "nowhere")] },
      { crud: [{}] },
    ]) {
      const answer = await send(url, JSON.stringify(body));
      expect(answer).toMatch(/retryable_error|^503 /);
      expectNothing(answer);
    }
    const seen = events.flatMap((event) => (event.type === "error" ? [event.error] : []));
    expect(seen.length).toBeGreaterThan(0);
  });
});
