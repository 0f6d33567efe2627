/** What of a rule's `conflict` is refused at the start, and what it needs of the client's schema. */
import { column, Schema, Table } from "@powersync/common";
import { describe, expect, it } from "vitest";
import {
  anonymous,
  type ClientSchema,
  createWrites,
  type Principal,
  type TableRule,
} from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";

type AnyDB = Record<string, Record<string, unknown>>;
type Rule = TableRule<Principal, AnyDB>;
type Conflict = NonNullable<Rule["conflict"]>;

const database = memoryStore({
  tables: {
    docs: { columns: { id: "uuid", title: "text", version: "integer", quantity: "integer" } },
  },
});

const made = (rule: Rule, schema?: ClientSchema) =>
  createWrites<Principal, AnyDB>({
    authenticate: anonymous(),
    database: database as never,
    logger: false,
    tables: { docs: { ...(rule.owner === undefined && { access: "everyone" }), ...rule } },
    ...(schema && { schema }),
  });

describe("a rule's conflict", () => {
  it.each<[string, object, RegExp]>([
    ["nothing", {}, /conflict says nothing/],
    ["an unknown option", { versions: "version" }, /version/],
    ["an undefined strategy", { version: undefined }, /version/],
    ["no list", { add: "quantity" }, /add must be/],
    ["an empty list", { union: [] }, /union must be/],
    ["a bound that is none", { add: { quantity: { min: "0" } } }, /min must be a number/],
    ["bounds that cross", { add: { quantity: { min: 2, max: 1 } } }, /min is greater than max/],
    ["an unknown word", { changed: "theirs" }, /changed must be/],
    ["no function", { resolve: "theirs" }, /resolve must be/],
    ["a column with two strategies", { add: ["a"], greatest: ["a"] }, /follows one strategy/],
    ["two deciders", { version: "version", changed: "merge" }, /Choose one/],
    ["a stamp that is resolved", { newest: "at", resolve: () => "yours" }, /Choose one/],
    ["a record of nothing", { add: ["a"], record: "lost" }, /nothing would ever be recorded/],
    ["a record alone", { record: "lost" }, /nothing would ever be recorded/],
    ["the key", { greatest: ["id"] }, /is the key/],
  ])("refuses %s", (_name, conflict, message) => {
    expect(() => made({ conflict: conflict as Conflict })).toThrow(message);
  });

  it.each<[string, Rule, RegExp]>([
    [
      "that the server sets",
      { set: { a: () => 1 }, conflict: { add: ["a"] } },
      /set by the server/,
    ],
    ["that is set once", { insertOnly: ["a"], conflict: { add: ["a"] } }, /insertOnly/],
    ["that is the owner's", { owner: "a", conflict: { greatest: ["a"] } }, /whose the row is/],
    ["that is not listed", { columns: ["b"], conflict: { add: ["a"] } }, /clients can't send/],
    [
      "that is looked up",
      {
        columns: { a: { references: { table: "t", match: "m", take: "k" } } },
        conflict: { union: ["a"] },
      },
      /looked up/,
    ],
    ["of a row that no PUT changes", { put: "insert", conflict: { add: ["a"] } }, /put: "insert"/],
  ])("refuses a column %s", (_name, rule, message) => {
    expect(() => made(rule)).toThrow(message);
  });

  it("takes a version that clients may not write, or that is not listed", () => {
    made({ columns: ["title"], conflict: { version: "version" } });
    made({
      columns: { v: { column: "version", readOnly: "reject" } },
      conflict: { version: "version" },
    });
  });
});

describe("the client's schema", () => {
  const columns = { title: column.text, version: column.integer, quantity: column.integer };
  const schemaWith = (options?: ConstructorParameters<typeof Table>[1]) =>
    new Schema({ docs: new Table(columns, options) });

  it.each<[string, Conflict, ConstructorParameters<typeof Table>[1], RegExp | undefined]>([
    ["tracks nothing", { version: "version" }, {}, /conflict\.version .*trackPrevious/],
    ["tracks all", { version: "version" }, { trackPrevious: true }, undefined],
    [
      "tracks other columns",
      { version: "version" },
      { trackPrevious: { columns: ["title"] } },
      /needs the value of "version" before a change/,
    ],
    [
      "sends none that have not changed",
      { version: "version" },
      { trackPrevious: { columns: ["version"], onlyWhenChanged: true } },
      /onlyWhenChanged/,
    ],
    [
      "sends those that have changed",
      { add: ["quantity"] },
      { trackPrevious: { columns: ["quantity"], onlyWhenChanged: true } },
      undefined,
    ],
    ["does not track the number", { add: ["quantity"] }, {}, /conflict\.add/],
    [
      "merges what it tracks",
      { changed: "merge" },
      { trackPrevious: { onlyWhenChanged: true } },
      undefined,
    ],
    [
      "rejects by some alone",
      { changed: "reject" },
      { trackPrevious: { columns: ["title"] } },
      /changed/,
    ],
    ["needs no tracking", { newest: "version", greatest: ["quantity"] }, {}, undefined],
    ["is decided alone", { resolve: () => "yours" }, {}, undefined],
    ["only inserts", { changed: "merge" }, { insertOnly: true }, undefined],
  ])("%s", async (_name, conflict, options, message) => {
    const schema = schemaWith(options);
    for (const given of [schema, schema.toJSON() as ClientSchema]) {
      const check = async (writes: ReturnType<typeof made>, asked?: ClientSchema) =>
        (await writes.check(asked)).filter(({ code }) => code === "previous_untracked");
      const named = await check(made({ conflict }), given);
      if (message === undefined) {
        expect(named).toEqual([]);
        expect(await check(made({ conflict }, given))).toEqual([]);
        continue;
      }
      expect(named[0]).toMatchObject({ severity: "error", table: "docs" });
      expect(named[0]?.message).toMatch(message);
      expect(() => made({ conflict }, given)).toThrow(message);
    }
  });

  it("is refused where it is none", () => {
    expect(() => made({}, {} as ClientSchema)).toThrow(/schema must be/);
    expect(() => made({}, { tables: 1 } as never)).toThrow(/schema takes the client's schema/);
  });
});
