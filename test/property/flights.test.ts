/**
 * Any sequence of transactions ends in the same rows, answers and letters whether it is sent as a whole or step by step; and most of it is really sent as
 * a whole. 100 sequences, 1,000 with `LONG=1`.
 */
import fc from "fast-check";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import {
  createTables,
  createWrites,
  type TableRule,
  type WriteEvent,
  type Writes,
} from "../../src/index.js";
import { createPostgresDatabase } from "../support/databases.js";
import { long } from "../support/long.js";
import { postgresAvailable } from "../support/servers.js";
import type { TestPrincipal } from "../support/writes.js";

const sequences = long ? 1_000 : 60;

/** A table with each trait that a statement must follow, beside plain ones. */
const schema = [
  `create table boards (id uuid primary key, owner_id text, name text)`,
  `create table cards (
    id uuid primary key, board_id uuid references boards (id) on delete cascade, text text not null, done boolean, place numeric(6, 2), tags text[], data jsonb
  )`,
  `create table codes (id uuid primary key, owner_id text, code varchar(6) unique, above uuid references codes (id))`,
  `create table stamped (id uuid primary key, owner_id text, name text, stamp int not null default 0)`,
  `create function stamp() returns trigger language plpgsql as 'begin
    if new.name = ''declined'' then return null; end if; new.stamp := old.stamp + 1; return new; end'`,
  `create trigger stamping before update on stamped for each row execute function stamp()`,
  `create table declining (id uuid primary key, owner_id text, name text, stamp int not null default 0)`,
  `create trigger stamping before update on declining for each row execute function stamp()`,
  `create table pairs (a text, b int, note text, primary key (a, b))`,
];

const tables = {
  boards: { owner: "owner_id" },
  cards: { belongsTo: { board_id: "boards" } },
  codes: { owner: "owner_id" },
  stamped: {
    scope: (_eb: unknown, { principal }: { principal: TestPrincipal }) =>
      sql<boolean>`${sql.ref("owner_id")} = ${principal.userId}`,
    owner: "owner_id",
  },
  declining: { owner: "owner_id" },
  pairs: { access: "everyone", id: ["a", "b"] },
} as unknown as Readonly<Record<string, TableRule<TestPrincipal, never>>>;

interface Operation {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_data?: Readonly<Record<string, unknown>>;
}

const kinds = { boards: "1", cards: "2", codes: "3", stamped: "4", declining: "5" } as const;
const idOf = (table: keyof typeof kinds, user: string, n: number): string =>
  `00000000-0000-4000-8000-${kinds[table]}${user === "alice" ? "a" : "b"}000000000${n}`;

const nr = fc.nat(3);
const word = fc.constantFrom("one", "two", "it's", "drei ü", "\\", '{"a"}', "null");
const rarely = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: unusual });
/** Rows that are not there are mostly not changed, nor those deleted that others refer to. */
const opOf = (deleted: number, patched = 4): fc.Arbitrary<Operation["op"]> =>
  fc.oneof(
    { weight: 160, arbitrary: fc.constant("PUT" as const) },
    { weight: 10 * patched, arbitrary: fc.constant("PATCH" as const) },
    { weight: 10 * deleted, arbitrary: fc.constant("DELETE" as const) },
  );

/** What a user does to rows of their own; and now and then to somebody else's. */
function operationOf(user: string): fc.Arbitrary<Operation> {
  const other = user === "alice" ? "bob" : "alice";
  const whose = rarely(fc.constant(user), fc.constant(other), 300);
  const make = (table: keyof typeof kinds, data: fc.Arbitrary<Record<string, unknown>>) =>
    fc
      .record({ op: opOf(table === "boards" ? 0.2 : 1, 3), whose, nr, data })
      .map(({ op: what, whose: owner, nr: n, data: op_data }) => ({
        op: what,
        table,
        id: idOf(table, owner, n),
        ...(what !== "DELETE" && { op_data }),
      }));
  const board = fc.tuple(whose, nr).map(([owner, n]) => idOf("boards", owner, n));
  return fc.oneof(
    {
      weight: 40,
      arbitrary: make(
        "boards",
        fc.record({ name: word, owner_id: fc.constant(user) }, { requiredKeys: ["name"] }),
      ),
    },
    {
      weight: 60,
      arbitrary: make(
        "cards",
        fc.record(
          {
            board_id: board,
            text: word,
            done: fc.constantFrom(0, 1, null),
            place: fc.constantFrom(1, 2.5, "3.14159", null),
            tags: fc.constantFrom(["a", 'b"\\', ""], "[]", null),
            data: fc.constantFrom({ a: [1] }, '{"b":null}', null),
          },
          { requiredKeys: ["board_id", "text"] },
        ),
      ),
    },
    {
      weight: 10,
      arbitrary: make(
        "codes",
        fc.record({
          code: rarely(
            fc.nat(200).map((n) => `c${n}`),
            fc.constant("too long for it"),
            20,
          ),
          above: fc.option(
            nr.map((n) => idOf("codes", user, n)),
            { freq: 1 },
          ),
        }),
      ),
    },
    {
      weight: 20,
      arbitrary: make("stamped", fc.record({ name: word })),
    },
    {
      weight: 2,
      arbitrary: fc
        .record({ op: opOf(4, 0.1), a: word, b: nr, note: word })
        .map(({ op: what, a, b, note }) => ({
          op: what,
          table: "pairs",
          id: `${a}.${b}`,
          ...(what !== "DELETE" && { op_data: { note } }),
        })),
    },
  );
}

interface Sent {
  readonly user: string;
  readonly crud: readonly Operation[];
}

const transaction: fc.Arbitrary<Sent> = fc.constantFrom("alice", "bob").chain((user) =>
  fc.record({
    user: fc.constant(user),
    crud: fc.oneof(
      { weight: 4, arbitrary: fc.array(operationOf(user), { minLength: 1, maxLength: 5 }) },
      // Neighbours of one kind.
      {
        weight: 1,
        arbitrary: fc
          .tuple(
            fc.array(nr, { minLength: 2, maxLength: 6 }),
            word,
            fc.constantFrom<"boards" | "cards" | "codes">("boards", "cards", "cards", "codes"),
            rarely(fc.constant("PUT"), fc.constant("DELETE"), 8),
          )
          .map(([numbers, name, table, what]) =>
            numbers.map((n, index): Operation => {
              const id = idOf(table, user, n);
              if (what === "DELETE" && table === "cards") return { op: "DELETE", table, id };
              const above = idOf("codes", user, numbers[(index + 1) % numbers.length] ?? 0);
              const op_data = {
                boards: { name: `${name}${n}` },
                cards: { board_id: idOf("boards", user, n % 2), text: name, tags: [name, null] },
                codes: { code: `${user.charAt(0)}${n}${name.length}`, above },
              }[table];
              return { op: "PUT", table, id, op_data };
            }),
          ),
      },
    ),
  }),
);

/** So that rows are there. */
const beginning = (user: string): readonly Operation[] =>
  [0, 1, 2, 3].flatMap((n): Operation[] => [
    {
      op: "PUT",
      table: "boards",
      id: idOf("boards", user, n),
      op_data: { name: "b", owner_id: user },
    },
    {
      op: "PUT",
      table: "cards",
      id: idOf("cards", user, n),
      op_data: { board_id: idOf("boards", user, n), text: "t" },
    },
    {
      op: "PUT",
      table: "stamped",
      id: idOf("stamped", user, n),
      op_data: { name: "s", owner_id: user },
    },
    { op: "PUT", table: "codes", id: idOf("codes", user, n), op_data: { owner_id: user } },
  ]);

interface Side {
  readonly writes: Writes<TestPrincipal>;
  readonly db: Kysely<Record<string, Record<string, unknown>>>;
  readonly flown: boolean[];
  close(): Promise<void>;
}

async function open(flights: boolean): Promise<Side> {
  const { url, drop } = await createPostgresDatabase();
  const pool = guardPool(new pg.Pool({ connectionString: url, max: 3 }), { flights });
  const db = new Kysely<Record<string, Record<string, unknown>>>({
    dialect: new PostgresDialect({ pool }),
  });
  for (const statement of schema) await sql.raw(statement).execute(db);
  await createTables(db);
  const flown: boolean[] = [];
  const writes = createWrites<TestPrincipal, never>({
    authenticate: () => ({ userId: "" }),
    database: db as never,
    tables,
    logger: false,
    onEvent: (event: WriteEvent) => {
      if (event.type === "transaction") flown.push(event.flown);
    },
  });
  return {
    writes,
    db,
    flown,
    close: async () => {
      await db.destroy();
      await drop();
    },
  };
}

async function everything({ db }: Side) {
  const of = async (table: string) =>
    db
      .selectFrom(table)
      .selectAll()
      .orderBy(sql`1, 2`)
      .execute();
  const letters = await db
    .selectFrom("powersync_dead_letters")
    .select(["user_id", "error_code", "operation_index", "status", "payload"])
    .execute();
  return {
    boards: await of("boards"),
    cards: await of("cards"),
    codes: await of("codes"),
    stamped: await of("stamped"),
    declining: await of("declining"),
    pairs: await of("pairs"),
    letters: letters.map((letter) => JSON.stringify(letter)).toSorted(),
    answered: (await db.selectFrom("powersync_ledger").select("identity").execute())
      .map(({ identity }) => String(identity))
      .toSorted(),
  };
}

describe.skipIf(!(await postgresAvailable()))("a whole and step by step", () => {
  let whole: Side;
  let steps: Side;
  let opId = 0;

  beforeAll(async () => {
    [whole, steps] = await Promise.all([open(true), open(false)]);
  });
  afterAll(() => Promise.all([whole.close(), steps.close()]));

  it("end in the same", { timeout: 900_000 }, async () => {
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(transaction, { minLength: 4, maxLength: 14 }), async (sent) => {
        for (const { db } of [whole, steps]) {
          for (const table of [
            "powersync_dead_letters",
            "cards",
            "boards",
            "codes",
            "stamped",
            "pairs",
          ])
            await db.deleteFrom(table).execute();
        }
        const all = [...["alice", "bob"].map((user) => ({ user, crud: beginning(user) })), ...sent];
        for (const { user, crud } of all) {
          const body = {
            client_id: `${user}'s phone`,
            crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
          };
          const principal = { userId: user };
          const [one, other] = await Promise.all(
            [whole, steps].map(({ writes }) => writes.processTransaction(body, { principal })),
          );
          expect(one).toEqual(other);
          outcomes.add(
            one?.status === "fatal_error" ? one.failedOperation.errorCode : String(one?.status),
          );
        }
        expect(await everything(whole)).toEqual(await everything(steps));
      }),
      // How many fly depends on what is refused. By default it is the same each time; `LONG=1` tries others.
      { numRuns: sequences, ...(!long && { seed: 16 }) },
    );
    expect(outcomes).toContain("UNAUTHORIZED");
    expect(outcomes).toContain("INVALID_DATA");
    expect(outcomes).toContain("success");
    expect(steps.flown).not.toContain(true);
    const flown = whole.flown.filter(Boolean).length / whole.flown.length;
    expect(flown).toBeGreaterThan(0.8);
  });
});
