/** Whose word an error is: what triggers raise, what the parsers of types refuse, and what the configuration's `errors` says of either. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";

type Schema = Record<string, Record<string, unknown>>;
type Config = WritesConfig<{ userId: string }, Schema>;

/** A row named after a code raises it. */
const raising: Readonly<Record<TestDialect["family"], readonly string[]>> = {
  postgres: [
    "create table raised (id text primary key, body text, changed timestamptz)",
    `create function raise_it() returns trigger language plpgsql as $$ begin
      if new.body = 'bug' then execute 'selec 1'; end if;
      if new.body = 'unbound' then perform nothing_of_the_kind(); end if;
      if new.body <> 'fine' then raise exception 'secret' using errcode = new.body; end if;
      return new; end $$`,
    "create trigger raise_it before insert or update on raised for each row execute function raise_it()",
  ],
  mysql: [
    "create table raised (id varchar(40) primary key, body varchar(40), changed datetime)",
    `create trigger raise_it before insert on raised for each row
      case new.body
        when 'fine' then begin end;
        when 'U0001' then signal sqlstate 'U0001' set message_text = 'secret';
        when '45000' then signal sqlstate '45000' set message_text = 'secret';
        when '45000/30001' then signal sqlstate '45000' set mysql_errno = 30001, message_text = 'secret';
        when '40001' then signal sqlstate '40001' set message_text = 'secret';
        when '08006' then signal sqlstate '08006' set message_text = 'secret';
        else signal sqlstate 'HY000' set message_text = 'secret';
      end case`,
  ],
  sqlite: [
    "create table raised (id text primary key, body text, changed text)",
    `create trigger raise_it before insert on raised when new.body <> 'fine'
      begin select raise(abort, 'secret'); end`,
  ],
};

const retryable = "retryable";
const constraint = "CONSTRAINT_VIOLATION";

/** What each raised code means: without `errors`, and with it. */
const cases: Readonly<
  Record<
    TestDialect["family"],
    readonly (readonly [body: string, plain: string, errors: Config["errors"], told: string])[]
  >
> = {
  postgres: [
    ["PT402", constraint, { PT402: "QUOTA_EXCEEDED" }, "QUOTA_EXCEEDED"],
    ["U0001", constraint, { U0: "OURS", PT402: "OTHER" }, "OURS"],
    ["U0001", constraint, { U0: "OURS", U0001: "EXACTLY" }, "EXACTLY"],
    ["45000", constraint, { "45000": "retryable" }, retryable],
    ["P0001", constraint, { P0001: "CONFLICT" }, "CONFLICT"],
    ["23514", "CHECK_VIOLATION", { "23": "OURS" }, "OURS"],
    ["22023", "INVALID_DATA", { "22023": "retryable" }, retryable],
    ["XX000", constraint, { XX000: "retryable" }, retryable],
    // What may pass stays what it is.
    ["XX001", retryable, { XX001: "retryable" }, retryable],
    ["58030", retryable, { "58030": "retryable" }, retryable],
    // Bugs of the trigger's, which a deployment mends.
    ["bug", retryable, { "45": "OURS" }, retryable],
    ["unbound", retryable, {}, retryable],
    ["bug", retryable, { "42601": "OURS" }, "OURS"],
  ],
  mysql: [
    ["U0001", constraint, { U0001: "OURS" }, "OURS"],
    ["45000", constraint, { "45000": "QUOTA_EXCEEDED" }, "QUOTA_EXCEEDED"],
    ["45000", constraint, { "1644": "SIGNALED", "45": "OF_CLASS" }, "OF_CLASS"],
    ["45000/30001", constraint, { "30001": "OURS", "45000": "OTHER" }, "OURS"],
    ["45000/30001", constraint, { "45000": "retryable" }, retryable],
    ["other", constraint, { "1644": "retryable" }, retryable],
    ["08006", retryable, { "1644": "OURS" }, retryable],
  ],
  sqlite: [
    [
      "any",
      constraint,
      { SQLITE_CONSTRAINT_TRIGGER: "QUOTA_EXCEEDED", SQLITE_CONSTRAINT: "OTHER" },
      "QUOTA_EXCEEDED",
    ],
    ["any", constraint, { SQLITE_CONSTRAINT: "OURS" }, "OURS"],
    ["any", constraint, { SQLITE_CONSTRAINT_TRIGGER: "retryable" }, retryable],
  ],
};

/** Types whose parsers have no code of their own for a value that is none. */
const types: readonly (readonly [type: string, good: string, bad: readonly string[]])[] = [
  ["tsquery", "a & b", ["a &", ""]],
  ["tsvector", "'a' 'b'", ["'a"]],
  ["jsonpath", "$.a", ["$.[", ""]],
  ["hstore", '"a"=>"b"', ["a", "=>"]],
  ["ltree", "a.b", ["a..b"]],
  ["lquery", "a.*", ["a.{"]],
  ["ltxtquery", "a", ["&"]],
  ["query_int", "1&2", ["1 &"]],
  ["seg", "1..2", ["x"]],
  ["cube", "(1,2)", ["(1"]],
];
/** Those that take an empty text. */
const takesNothing = ["tsquery"];

describe.each(dialects)("on $name", (dialect) => {
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  let events: WriteEvent[] = [];

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
    for (const statement of raising[dialect.family]) await sql.raw(statement).execute(db);
  });
  afterAll(async () => {
    if (available) await database.close();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await db.deleteFrom("powersync_dead_letters").execute();
    events = [];
  });

  const send = async (table: string, data: object, errors?: Config["errors"]) => {
    const writes = createWrites<{ userId: string }, Schema>({
      authenticate: () => ({ userId: "alice" }),
      database: db,
      tables: { [table]: { access: "everyone" } },
      logger: false,
      onEvent: (event) => void events.push(event),
      ...(errors && { errors }),
    });
    const crud = [{ op: "PUT", table, id: crypto.randomUUID(), op_data: data }];
    const result = await writes.processTransaction({ crud }, { principal: { userId: "alice" } });
    expect(JSON.stringify(result)).not.toContain("secret");
    return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
  };
  const as = (word: string) => (word === retryable ? "retryable_error" : word);

  it.each(cases[dialect.family])("a trigger's %s is %s, and with %j %s", async (...row) => {
    const [body, plain, errors, told] = row;
    expect(await send("raised", { body })).toBe(as(plain));
    expect(await send("raised", { body }, errors)).toBe(as(told));
    expect(await send("raised", { body: "fine" }, errors)).toBe("success");
    const letters = await db.selectFrom("powersync_dead_letters").select("error_code").execute();
    const recorded = new Set(letters.map((letter) => letter["error_code"]));
    expect(recorded).toEqual(new Set([plain, told].filter((word) => word !== retryable)));
  });

  it.runIf(dialect.family === "postgres" && dialect.concurrent).each(types)(
    "a value that is no %s is the device's fault",
    async (type, good, bad) => {
      for (const extension of ["hstore", "ltree", "intarray", "seg", "cube"]) {
        await sql.raw(`create extension if not exists ${extension}`).execute(db);
      }
      await sql.raw(`create table of_${type} (id text primary key, value ${type})`).execute(db);
      expect(await send(`of_${type}`, { value: good })).toBe("success");
      for (const value of bad) {
        const expected = value === "" && takesNothing.includes(type) ? "success" : "INVALID_DATA";
        expect(await send(`of_${type}`, { value }), value).toBe(expected);
      }
    },
  );

  it.runIf(dialect.name === "MySQL").each(["abc", "[1,2", 5])("%j is no vector", async (value) => {
    await sql
      .raw("create table if not exists of_vector (id varchar(40) primary key, value vector(2))")
      .execute(db);
    expect(await send("of_vector", { value })).toBe("INVALID_DATA");
  });
});

describe("errors", () => {
  const create = (errors: unknown) => () =>
    createWrites<{ userId: string }, Schema>({
      authenticate: () => ({ userId: "alice" }),
      database: () => {
        throw new Error("Not opened.");
      },
      tables: { lists: { access: "everyone" } },
      errors: errors as NonNullable<Config["errors"]>,
    });

  const neverFatal = (code: string): [unknown, RegExp] => [
    { [code]: "X" },
    new RegExp(`errors\\.${code} can't be fatal`),
  ];

  it.each<[unknown, RegExp]>([
    [{ pt402: "X" }, /errors: "pt402" must be an SQLSTATE/],
    [{ "5": "X" }, /errors: "5" must be/],
    [{ CHECK_VIOLATION: "X" }, /errors: "CHECK_VIOLATION" must be/],
    [{ PT402: "quota exceeded" }, /errors\.PT402 must be "retryable", or an error code/],
    [{ PT402: "" }, /errors\.PT402 is empty/],
    [{ PT402: 402 }, /errors\.PT402 must be/],
    [{ PT402: undefined }, /errors\.PT402/],
    [["PT402"], /errors must be an object/],
    ...["08006", "08", "40001", "40P01", "40003", "57P01", "57014", "55P03", "53300", "XX001"].map(
      neverFatal,
    ),
    ...["1205", "1213", "2013", "1040", "SQLITE_BUSY", "SQLITE_IOERR_READ", "HY000"].map(
      neverFatal,
    ),
  ])("%j is refused at the start", (errors, message) => {
    expect(create(errors)).toThrow(TypeError);
    expect(create(errors)).toThrow(message);
  });

  it("may say that anything is retryable", () => {
    expect(create({ "08006": "retryable", "1213": "retryable", P0001: "retryable" })).not.toThrow();
  });
});
