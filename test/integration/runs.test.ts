/** Runs: changes that are made together leave the rows that they do one after the other, and the same is said of them. And how many statements they take. */
import { type Kysely, MysqlDialect, Kysely as KyselyObject, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createTables,
  createWrites,
  type TransactionResult,
  type Write,
  type WriteEvent,
} from "../../src/index.js";
import { dialects, postgres, type TestDatabase } from "../support/databases.js";
import { long } from "../support/long.js";
import { createMysqlDatabase, mysqlPool, mysqlTables } from "../support/mysql.js";
import { type Random, seeded } from "../support/random.js";
import type { TestSchema } from "../support/schema.js";
import { mysqlServers } from "../support/servers.js";
import type { TestPrincipal } from "../support/writes.js";

type Side = "together" | "one by one";
interface Operation {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: "lists" | "todos" | "triggered";
  readonly number: number;
  readonly data?: Readonly<Record<string, unknown>>;
}
type AnyDatabase = Kysely<Record<string, Record<string, unknown>>>;

const rounds = long ? 400 : 60;
const numbers = 6;
const users = ["ann", "ben"] as const;
const sides = { together: "1", "one by one": "2" } as const;
const kinds = { lists: "1", todos: "2", triggered: "3" } as const;

const idOf = (side: Side, table: keyof typeof kinds, number: number): string =>
  `${sides[side].repeat(8)}-0000-4000-8000-${kinds[table]}${String(number).padStart(11, "0")}`;
const without = (side: Side, text: string): string =>
  text.replaceAll(sides[side].repeat(8), "").replaceAll(`@${sides[side]}`, "");

/** Of a user's lists mostly, whose numbers are every other one. */
function numberOfList(random: Random, mine: number): number {
  return random.oneIn(6) ? random.below(numbers) : 2 * random.below(numbers / 2) + mine;
}

function randomData(random: Random, table: Operation["table"], mine: number, whole: boolean) {
  if (table === "lists") {
    return {
      ...((whole || random.oneIn(2)) && { name: random.pick(["a", "b", null]) }),
      ...(random.oneIn(30) && { owner: random.pick(users) }),
    };
  }
  if (table === "triggered") return { name: random.pick(["a", "b", null]) };
  return {
    list: random.oneIn(40) ? numbers + 1 : numberOfList(random, mine),
    ...((whole || random.oneIn(2)) && {
      description: random.oneIn(60) ? null : random.pick(["a", "b"]),
    }),
    ...(random.oneIn(6) && { position: random.pick([1, 2.5, null]) }),
  };
}

/** Stretches of the same, as clients send them. */
function randomList(random: Random, mine: number): readonly Operation[] {
  const list: Operation[] = [];
  for (let stretch = 1 + random.below(3); stretch > 0; stretch -= 1) {
    const op = random.pick(["PUT", "PUT", "PUT", "PATCH", "DELETE"] as const);
    const table = random.pick(["lists", "lists", "todos", "todos", "triggered"] as const);
    for (let length = 1 + random.below(5); length > 0; length -= 1) {
      const number = table === "lists" ? numberOfList(random, mine) : random.below(numbers);
      const data = randomData(random, table, mine, op === "PUT" && !random.oneIn(8));
      list.push({ op, table, number, ...(op !== "DELETE" && { data }) });
    }
  }
  return list;
}

/** The same operation with the ids and users of a side. */
function concrete(side: Side, { op, table, number, data }: Operation) {
  const { list, owner, ...rest } = data ?? {};
  const op_data = {
    ...rest,
    ...(list !== undefined && { list_id: idOf(side, "lists", list as number) }),
    ...(owner !== undefined && { owner_id: `${owner as string}@${sides[side]}` }),
  };
  return { op, table, id: idOf(side, table, number), ...(data && { op_data }) };
}

/** By family. */
const triggers: Readonly<Record<string, readonly string[]>> = {
  mysql: [
    "create table triggered (id varchar(36) primary key, name text)",
    "create table fired (id varchar(36), verb text)",
    "create trigger fired_insert before insert on triggered for each row insert into fired values (new.id, 'insert')",
    "create trigger fired_update before update on triggered for each row insert into fired values (new.id, 'update')",
  ],
  sqlite: [
    "create table triggered (id text primary key, name text)",
    "create table fired (id text, verb text)",
    "create trigger fired_insert before insert on triggered begin insert into fired values (new.id, 'insert'); end",
    "create trigger fired_update before update on triggered begin insert into fired values (new.id, 'update'); end",
  ],
  postgres: [
    "create table triggered (id uuid primary key, name text)",
    "create table fired (id uuid, verb text)",
    "create function fire() returns trigger language plpgsql as 'begin insert into fired values (new.id, lower(tg_op)); return new; end'",
    "create trigger fired before insert or update on triggered for each row execute function fire()",
  ],
};

for (const dialect of dialects.filter((each) => each.family !== "postgres" || each === postgres)) {
  const available = await dialect.available();
  describe.skipIf(!available)(`runs on ${dialect.name}`, () => {
    let database: TestDatabase;
    let db: AnyDatabase;
    const events: WriteEvent[] = [];
    /** A known device's transaction may be sent as a whole: see `flights.test.ts`. Without one, its changes are what is made together. */
    const nameless = dialect.flies;
    const text = (column: string) =>
      sql`cast(${sql.ref(column)} as ${dialect.family === "mysql" ? sql`char` : sql`text`})`;
    beforeAll(async () => {
      database = await dialect.open();
      db = database.db as unknown as AnyDatabase;
      for (const statement of triggers[dialect.family] ?? []) await sql.raw(statement).execute(db);
    });
    afterAll(() => database.close());

    const writesOf = (side: Side) =>
      createWrites<TestPrincipal, never>({
        authenticate: () => ({ userId: "" }),
        database: db as never,
        tables: {
          lists: { owner: "owner_id" },
          todos: { belongsTo: { list_id: "lists" } },
          triggered: { access: "everyone" },
        },
        onEvent: (event) => void events.push(event),
        logger: false,
        // No letters: behind them everything would be a dependant.
        deadLetters: { requiresClientHandling: () => true },
        // Where the application looks at each operation, nothing is made together.
        ...(side === "one by one" && { hooks: { authorize: { before: (write: Write) => write } } }),
      });

    /** Half of the lists are the one's, and half the other's. */
    const refill = async (side: Side): Promise<void> => {
      const found = new Set(
        (await db.selectFrom("lists").select("id").execute()).map((row) => row["id"]),
      );
      for (let number = 0; number < numbers; number += 1) {
        const id = idOf(side, "lists", number);
        const owner_id = `${users[number % 2] as string}@${sides[side]}`;
        if (!found.has(id)) await db.insertInto("lists").values({ id, owner_id }).execute();
      }
    };
    const rowsOf = async (side: Side): Promise<unknown> => {
      const { rows } = await sql<Record<string, unknown>>`
        select 'list' as kind, ${text("id")} as id, name as a, owner_id as b, null as c from lists
        union all select 'todo', ${text("id")}, description, ${text("list_id")}, ${text("position")} from todos
        union all select 'triggered', ${text("id")}, name, null, null from triggered
        union all select verb, ${text("id")}, 'fired', null, ${sql`cast(count(*) as ${dialect.family === "mysql" ? sql`char` : sql`text`})`} from fired group by id, verb
      `.execute(db);
      return rows
        .filter(({ id }) => String(id).startsWith(sides[side].repeat(8)))
        .map((row) => without(side, JSON.stringify(Object.values(row).map(String))))
        .toSorted();
    };

    it(
      `${rounds} random lists end as they do one by one, and many are made together`,
      {
        timeout: 600_000,
      },
      async () => {
        const random = seeded(20_26);
        const targets = { together: writesOf("together"), "one by one": writesOf("one by one") };
        const saved = { fewer: 0, applied: 0, failed: 0 };
        for (let round = 0; round < rounds; round += 1) {
          const mine = random.below(users.length);
          const user = users[mine];
          const list = randomList(random, mine);
          const outcomes = new Map<Side, unknown>();
          const statements = new Map<Side, number>();
          let status = "";
          for (const side of ["together", "one by one"] as const) {
            await refill(side);
            events.length = 0;
            // A device of its own each time: what fails has others' tried at once all the same.
            const crud = list.map((each) => concrete(side, each));
            const body = nameless
              ? { transactions: [{ transaction_id: round + 1, crud }] }
              : {
                  client_id: `${round}-${sides[side]}`,
                  crud: crud.map((each, index) => ({ op_id: index + 1, ...each })),
                };
            const principal = { userId: `${user as string}@${sides[side]}` };
            const result: TransactionResult = await targets[side].processTransaction(body, {
              principal,
            });
            ({ status } = result);
            const missing = events.flatMap((event) =>
              event.type === "row_missing" ? [event.id] : [],
            );
            outcomes.set(side, without(side, JSON.stringify([result, missing])));
            for (const event of events)
              if (event.type === "transaction") statements.set(side, event.statements);
          }
          expect(outcomes.get("together"), JSON.stringify(list)).toEqual(
            outcomes.get("one by one"),
          );
          expect(await rowsOf("together"), JSON.stringify(list)).toEqual(
            await rowsOf("one by one"),
          );
          if (status === "success") saved.applied += 1;
          else saved.failed += 1;
          if ((statements.get("together") ?? 0) < (statements.get("one by one") ?? 0))
            saved.fewer += 1;
        }
        // What the lists never meet, they can't judge.
        expect(saved.failed).toBeGreaterThan(rounds / 20);
        expect(saved.applied).toBeGreaterThan(rounds / 6);
        expect(saved.fewer).toBeGreaterThan(rounds / 10);
      },
    );

    it.skipIf(dialect === postgres)("take one statement, and the claim", async () => {
      const writes = writesOf("together");
      let operations = 0;
      const statementsOf = async (rows: number): Promise<number> => {
        events.length = 0;
        const crud = Array.from({ length: rows }, () => ({
          op: "PUT",
          table: "lists",
          id: crypto.randomUUID(),
          op_id: (operations += 1),
          op_data: { name: "a" },
        }));
        const principal = { userId: "cid" };
        expect(
          await writes.processTransaction({ client_id: "phone", crud }, { principal }),
        ).toEqual({ status: "success" });
        const [{ statements }] = events.filter((event) => event.type === "transaction") as [
          Extract<WriteEvent, { type: "transaction" }>,
        ];
        return statements;
      };
      // The first reads the schema, and makes the device known.
      await statementsOf(1);
      expect(await statementsOf(1)).toBe(2);
      expect(await statementsOf(100)).toBe(2);
    });
  });
}

for (const server of mysqlServers) {
  describe.skipIf(!(await server.available()))(`the way to ${server.name}`, () => {
    it("is gone four times for one PUT, and once behind the answer", async () => {
      const { url, drop } = await createMysqlDatabase(server);
      const pool = mysqlPool(url, { connectionLimit: 1 });
      const db = new KyselyObject<TestSchema>({
        dialect: new MysqlDialect({ pool }),
        log: ({ query }) => void sent.push(query.sql.trim().split(/\s+/, 2).join(" ")),
      });
      const sent: string[] = [];
      try {
        for (const statement of mysqlTables(server)) await sql.raw(statement).execute(db);
        await createTables(db);
        const writes = createWrites<TestPrincipal, TestSchema>({
          authenticate: () => ({ userId: "" }),
          database: db,
          tables: { lists: { owner: "owner_id" } },
          logger: false,
        });
        for (const op_id of [1, 2]) {
          // Whoever waits for the pool's one connection waits until it has been put back.
          await sql`select 1`.execute(db);
          sent.length = 0;
          const crud = [
            { op: "PUT", table: "lists", id: crypto.randomUUID(), op_id, op_data: { name: "a" } },
          ];
          const body = { client_id: "phone", crud };
          await writes.processTransaction(body, { principal: { userId: "ann" } });
        }
        await sql`select 1`.execute(db);
        expect(sent).toEqual([
          "set @powersync_writes",
          "insert ignore",
          "insert into",
          "commit",
          "set @powersync_writes",
          "select 1",
        ]);
      } finally {
        await db.destroy();
        await drop();
      }
    });
  });
}
