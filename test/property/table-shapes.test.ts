/**
 * Random shapes of tables (triggers that decline, rules, views, policies, grants, keys, defaults) and random sequences of writes of two users: the
 * answers, the rows, and what the triggers have done are what a plain model of the rule says; no statement is sent twice in one transaction, and
 * nothing is ever retryable. 100 shapes over the databases; 400 on each with `LONG=1`.
 */
import fc from "fast-check";
import { type LogEvent, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWrites, rls, type TableRule, type WriteEvent } from "../../src/index.js";
import { long } from "../support/long.js";
import { type Opened, places, type Schema } from "./shapes-databases.js";
import { apply, dataOf, isRefusal, type Said, type State } from "./shapes-model.js";
import { type Entry, type Sent, sequence, type Shape, shapes, users, isTable } from "./shapes.js";

type Caller = { userId: string };

const runs: Readonly<Record<string, number>> = {
  Postgres: 45,
  PGlite: 45,
  MySQL: 15,
  MariaDB: 15,
  SQLite: 25,
};

function ruleOf(
  shape: Shape,
  isPostgres: boolean,
): Readonly<Record<string, TableRule<Caller, Schema>>> {
  const { rule, composite, put, softDelete } = shape;
  const name = isTable(shape) ? "items" : "live";
  const base = {
    id: composite ? ["id", "part"] : "id",
    put,
    ...(put === "replace" && {
      columns: {
        body: true,
        n: true,
        circle: true,
        ...(rule === "owner" ? {} : { owner: true as const }),
      } as const,
    }),
    ...(softDelete && { delete: { set: { gone: () => 1 } } }),
    ...(name === "live" && { table: name }),
  } as const;
  switch (rule) {
    case "owner":
      return { items: { ...base, owner: "owner" } };
    case "belongsTo":
      return {
        circles: { owner: "user_id", operations: [] },
        items: { ...base, belongsTo: { circle: "circles" } },
      };
    case "scope":
      return {
        items: {
          ...base,
          scope: (eb, { principal }) =>
            eb.exists(
              eb
                .selectFrom("circles")
                .select("circles.id")
                .whereRef("circles.id", "=", `${name}.circle`)
                .where(
                  isPostgres ? sql`cast(circles.user_id as text)` : "circles.user_id",
                  "=",
                  principal.userId,
                ),
            ),
        },
      };
    case "everyone":
      return { items: { ...base, access: "everyone" } };
  }
}

/** Without columns that the table does not have, or that a PATCH may not name whether there is a row or not. */
function fitting(shape: Shape, { data, ...entry }: Entry): Entry {
  const { twice, circle, ...more } = data;
  // Of a view's column it is the database that says so, and in its own turn.
  const hasTwice = shape.generated && isTable(shape) && twice !== undefined;
  const mayMove = shape.grants !== "columns" || entry.op === "PUT";
  return {
    ...entry,
    data: { ...more, ...(hasTwice && { twice }), ...(mayMove && circle && { circle }) },
  };
}

/** Writes that have been sent more than once in one transaction, though the client asked for each once. */
function repeated(log: readonly LogEvent[], crud: Sent["crud"]): readonly string[] {
  const same = Map.groupBy(crud, ({ op, id }) => `${op} ${id}`);
  const most = Math.max(...[...same.values()].map(({ length }) => length));
  const found: string[] = [];
  let sent = new Map<string, number>();
  for (const { query } of log) {
    if (/^\s*(begin|start)/i.test(query.sql)) sent = new Map();
    if (!/^\s*(insert into|update|delete from) (?:"|`)(items|live)(?:"|`)/i.test(query.sql))
      continue;
    const text = JSON.stringify([query.sql, query.parameters.map(String)]);
    const times = (sent.get(text) ?? 0) + 1;
    sent.set(text, times);
    if (times > most) found.push(text);
  }
  return found;
}

describe.each(places)("$name", ({ name, available, open }) => {
  let opened: Opened | undefined;
  let log: LogEvent[] = [];
  // Of all shapes: the ledger stays.
  let op_id = 0;
  beforeAll(async () => {
    if (await available()) opened = await open((event) => void log.push(event));
  });
  afterAll(() => opened?.close());

  const check = async (at: Opened, shape: Shape, all: readonly Sent[]) => {
    await at.make(shape);
    let events: WriteEvent[] = [];
    const { database, role } = at.as(shape);
    const writes = createWrites<Caller, Schema>({
      authenticate: () => ({ userId: "" }),
      database,
      tables: ruleOf(shape, at.family === "postgres"),
      ...(role !== undefined && { rls: rls<Caller>({ role }) }),
      logger: false,
      onEvent: (event) => void events.push(event),
    });
    const idOf = (id: string) => (shape.composite ? id : id.slice(0, 1));
    const send = ({ user, crud }: Sent) =>
      writes.processTransaction(
        {
          crud: crud.map((entry) => {
            const { owner, ...data } = dataOf(shape, user, entry);
            return {
              op: entry.op,
              table: "items",
              id: idOf(entry.id),
              op_id: (op_id += 1),
              ...(entry.op !== "DELETE" && {
                op_data: { ...data, ...(owner && { owner: users[owner] }) },
              }),
            };
          }),
        },
        { principal: { userId: users[user] }, clientId: user },
      );
    let state: State = { rows: new Map(), effects: [] };
    for (const { user, crud: given } of all) {
      const crud = given
        .map((entry) => fitting(shape, entry))
        .filter(({ op, id }) => {
          if (op === "PUT" || shape.grants !== "insert only") return true;
          // As the login role it would wait for the grant; and of a row that is not there it depends on which statement comes first.
          return role !== undefined && state.rows.has(id);
        });
      events = [];
      log = [];
      const next: State = { rows: new Map(state.rows), effects: [...state.effects] };
      const said: Said[] = [];
      for (const each of crud) {
        said.push(apply(shape, user, each, next));
        if (said.some(isRefusal)) break;
      }
      const refused = said.find(isRefusal);
      const { status, ...more } = await send({ user, crud });
      const code = "failedOperation" in more ? more.failedOperation.errorCode : status;
      const before = JSON.stringify({ user, crud, rows: [...state.rows] });
      // Of two constraints that a row breaks which can't be seen, the database names one.
      const isHidden = shape.kind === "live" || shape.policies === "hidden";
      const isEither = shape.unique && isHidden && refused === "UNAUTHORIZED";
      const answer = isEither && code === "UNIQUE_VIOLATION" ? refused : code;
      expect(`${answer} ${before}`).toBe(`${refused ?? "success"} ${before}`);
      expect(repeated(log, crud)).toEqual([]);
      if (refused === undefined) state = next;
      if (refused !== undefined) {
        // What needs a row that a letter would create is another subject.
        for (const table of [
          "powersync_letter_rows",
          "powersync_letter_parts",
          "powersync_dead_letters",
        ])
          await at.admin.deleteFrom(table).execute();
        continue;
      }
      const heard = events.flatMap((event) =>
        event.type === "row_declined" || event.type === "row_missing"
          ? [`${event.type} ${event.operationIndex}`]
          : [],
      );
      const told = said.flatMap((each, index) =>
        each === "written" ? [] : [`row_${each} ${index}`],
      );
      expect(`${[...new Set(heard)].toSorted().join()} ${before}`).toBe(
        `${told.toSorted().join()} ${before}`,
      );
    }
    const rows = await at.admin.selectFrom("items").selectAll().execute();
    const number = (value: unknown) => (value === null ? null : Number(value));
    const found = rows.map(({ id, part, owner, circle, body, n, gone, twice }) =>
      JSON.stringify([
        shape.composite ? `${String(id)}.${String(part)}` : id,
        owner,
        circle,
        body,
        number(n),
        number(gone),
        ...(shape.generated ? [number(twice)] : []),
      ]),
    );
    const wanted = [...state.rows].map(([id, { owner, circle, body, n, gone }]) =>
      JSON.stringify([
        idOf(id),
        owner && users[owner],
        circle,
        body,
        n,
        gone,
        ...(shape.generated ? [n === null ? null : n * 2] : []),
      ]),
    );
    expect(new Set(found)).toEqual(new Set(wanted));
    const effects = await at.admin.selectFrom("effects").select("what").execute();
    const told = state.effects.map((each) =>
      each.replace(/ (.*)$/, (_, id: string) => ` ${idOf(id)}`),
    );
    // As often, too: a statement that was sent twice would show.
    expect(effects.map(({ what }) => String(what)).toSorted()).toEqual(told.toSorted());
  };

  it("random shapes and sequences", { timeout: 3_600_000 }, async ({ skip }) => {
    if (opened === undefined) return skip();
    const at = opened;
    const property = fc.asyncProperty(shapes(at.family), sequence, (shape, all) =>
      check(at, shape, all),
    );
    await fc.assert(property, { numRuns: long ? 400 : (runs[name] ?? 0), endOnFailure: true });
  });
});
