/**
 * The ledger of many old devices is pruned in steps that look at no more rows than they say, from where the step before has ended, and come to
 * an end. Some thousand rows; a million with `LONG=1`.
 */
import { type Kysely, sql } from "kysely";
import { describe, expect, it } from "vitest";
import { anonymous, createWrites } from "../../src/index.js";
import { createSqlStores } from "../../src/sql/store.js";
import type { Pruned } from "../../src/store/bookkeeping.js";
import type { Store } from "../../src/store/store.js";
import { dialects, type TestDialect } from "../support/databases.js";
import { long } from "../support/long.js";
import type { TestSchema } from "../support/schema.js";

/** Of each kind. */
const devices = long ? 500_000 : 2_500;
const most = long ? 500 : 100;
const dayMs = 24 * 3_600_000;
const timeouts = { lockMs: 5_000, statementMs: 15_000, transactionMs: 60_000 };

const past = "2020-01-01 00:00:00.000";
const later = "2020-02-01 00:00:00.000";

/**
 * Devices that have sent one transaction, which must be kept; and the same number of transactions that one busy device has gone past. All of one
 * moment, and kept ones among the others. As text, and in one transaction: a million parameters and a thousand commits take longer than the rest.
 *
 * @param clustered the table is kept in the order of its key, and filled in it; else it is filled in any other
 */
async function fill(db: Kysely<TestSchema>, clustered: boolean): Promise<void> {
  const columns =
    "(identity, queue, answered_at, request, request_at, first_request, first_request_at)";
  const rows = 2_500;
  const total = 2 * devices;
  await db.transaction().execute(async (tx) => {
    for (let from = 0; from < total; from += rows) {
      const values = Array.from({ length: Math.min(rows, total - from) }, (_, index) => {
        const number = from + index;
        const place = clustered ? number : (number * 7_919) % total;
        const identity = String(place).padStart(8, "0").padEnd(64, "x");
        const queue = number % 2 === 0 ? String(number) : "busy";
        const request = number % 2 === 0 ? "only" : `r${number}`;
        return `('${identity}', '${queue}', '${past}', '${request}', '${past}', '${request}', '${past}')`;
      });
      await sql
        .raw(`insert into powersync_ledger ${columns} values ${values.join(", ")}`)
        .execute(tx);
    }
    await sql
      .raw(
        `insert into powersync_ledger ${columns} values ('last', 'busy', '${later}', 'last', '${later}', 'last', '${later}')`,
      )
      .execute(tx);
  });
  await sql.raw(analyze(db)).execute(db);
}

/** Old ones among young ones. @returns how many are old */
async function fillNamed(db: Kysely<TestSchema>): Promise<number> {
  const rows = 10 * most + 1;
  const values = Array.from({ length: rows }, (_, number) => {
    const at = number % 2 === 0 ? past : new Date().toISOString().slice(0, -1).replace("T", " ");
    return sql`(${String(number).padEnd(64, "x")}, ${""}, ${"user"}, ${number}, ${at})`;
  });
  await sql`insert into powersync_named (hash, place, subject, position, named_at)
    values ${sql.join(values)}`.execute(db);
  return Math.ceil(rows / 2);
}

function analyze(db: Kysely<TestSchema>): string {
  const { adapter } = db.getExecutor();
  return adapter.supportsReturning ? "analyze" : "analyze table powersync_ledger";
}

/** What the database says of the rows that it has looked at in this transaction; nothing, where it keeps no count. */
async function examined(
  { family }: TestDialect,
  tx: Kysely<TestSchema>,
): Promise<number | undefined> {
  switch (family) {
    case "postgres": {
      const { rows } = await sql<{ count: unknown }>`
        select seq_tup_read + idx_tup_fetch as count from pg_stat_xact_user_tables where relname = 'powersync_ledger'`.execute(
        tx,
      );
      return Number(rows[0]?.count);
    }
    case "mysql": {
      const { rows } = await sql<{
        Value: unknown;
      }>`show session status like 'Handler_read%'`.execute(tx);
      return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
    }
    default:
      return undefined;
  }
}

describe.each(dialects)("the ledger on $name", (dialect) => {
  it(
    "is pruned in bounded steps, to its end",
    { timeout: 3_600_000 },
    async ({ skip, onTestFinished }) => {
      skip(!(await dialect.available()), "There is no such database.");
      const statements: string[] = [];
      const { db, close } = await dialect.open({
        log: ({ query }) => void statements.push(query.sql),
      });
      onTestFinished(close);
      await fill(db, dialect.family === "mysql");
      statements.length = 0;
      const open = createSqlStores({
        isolation: undefined,
        timeouts,
        ownTables: undefined,
        severalRoles: false,
      });
      const store = (await open(db, db)) as Store<Kysely<TestSchema>>;

      const allSteps = Math.floor((2 * devices + 1) / most) + 1;
      let steps = 0;
      let removed = 0;
      let slowestMs = 0;
      let mostExamined = 0;
      for (let from: string | undefined; ;) {
        const began = performance.now();
        const taken = await store.unit({}, async ({ prune, tx }): Promise<Pruned> => {
          // A table of some thousand rows is read faster as a whole, and would not show the indexes.
          if (!long && dialect.family === "postgres") {
            await sql`set local enable_seqscan = off`.execute(tx);
          }
          const before = await examined(dialect, tx);
          const pruned = await prune("ledger", { olderThanMs: 90 * dayMs, most, from });
          const after = await examined(dialect, tx);
          if (before !== undefined && after !== undefined) {
            mostExamined = Math.max(mostExamined, after - before);
          }
          return pruned;
        });
        slowestMs = Math.max(slowestMs, performance.now() - began);
        steps += 1;
        removed += taken.removed;
        expect(taken.removed).toBeLessThanOrEqual(most);
        expect(steps).toBeLessThanOrEqual(allSteps);
        if (taken.next === undefined) break;
        from = taken.next;
      }
      if (long) console.log(dialect.name, { steps, removed, mostExamined, slowestMs });
      expect(removed).toBe(devices);
      expect(steps).toBe(allSteps);
      // Each row, whether its queue has gone on, its removal; and some for the catalog.
      expect(mostExamined).toBeLessThan(10 * most);
      if (dialect.family === "sqlite") {
        const looks = new Set(statements.filter((text) => text.includes(`as "passed"`)));
        expect(looks.size).toBe(3);
        for (const text of looks) {
          const { rows } = await sql<{ detail: string }>`explain query plan ${sql.raw(
            text.replaceAll("?", "1"),
          )}`.execute(db);
          for (const { detail } of rows) expect(detail).not.toMatch(/^SCAN|TEMP B-TREE/);
        }
      }

      // What users have named goes by its age alone, by an index as well.
      const named = await fillNamed(db);
      let gone = 0;
      for (let next: string | undefined = ""; next !== undefined;) {
        const step = { olderThanMs: 90 * dayMs, most };
        const pruned = await store.unit({}, ({ prune }) => prune("named", step));
        expect(pruned.removed).toBeLessThanOrEqual(most);
        gone += pruned.removed;
        next = pruned.next;
      }
      expect(gone).toBe(named);
      if (dialect.family === "sqlite") {
        const look = statements.findLast((text) => text.startsWith('select "hash"')) ?? "";
        const { rows } = await sql<{ detail: string }>`explain query plan ${sql.raw(
          look.replaceAll("?", "1"),
        )}`.execute(db);
        for (const { detail } of rows) expect(detail).not.toMatch(/^SCAN|TEMP B-TREE/);
      }

      // What is left is kept, and a whole round says so.
      const writes = createWrites({ authenticate: anonymous(), database: db, tables: {} });
      expect(await writes.prune()).toBe(0);
    },
  );
});
