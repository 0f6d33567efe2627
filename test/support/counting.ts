/** Mutations whose every effect can be counted: a number that grows, a row, and a line of a log that takes the same name twice. */
import type { Generated, Kysely } from "kysely";
import { sql } from "kysely";
import { z } from "zod";
import { createWrites, defineMutators, fatal } from "../../src/index.js";
import { byName, type TestPrincipal } from "./writes.js";

export interface CountingTables {
  counters: { id: string; value: number };
  steps: { id: string; name: string };
  step_log: { number: Generated<number>; name: string };
}

export const counter = "c";

export const countingDefinitions = {
  "counter.add": z.object({ id: z.uuid(), name: z.string(), by: z.int() }),
};

/** On Postgres. */
export async function createCountingTables(db: Kysely<CountingTables>): Promise<void> {
  await sql`create table counters (id text primary key, value integer not null)`.execute(db);
  await sql`create table steps (id text primary key, name text not null)`.execute(db);
  await sql`create table step_log (number serial primary key, name text not null)`.execute(db);
  await db.insertInto("counters").values({ id: counter, value: 0 }).execute();
}

export const countingWrites = (db: Kysely<CountingTables>) =>
  createWrites<TestPrincipal, CountingTables>({
    authenticate: byName,
    database: db,
    tables: {},
    logger: false,
    mutators: defineMutators<CountingTables>()(countingDefinitions, {
      "counter.add": async ({ id, name, by }, { tx }) => {
        await tx.insertInto("step_log").values({ name }).execute();
        await tx.insertInto("steps").values({ id, name }).execute();
        await tx
          .updateTable("counters")
          .set((eb) => ({ value: eb("value", "+", by) }))
          .where("id", "=", counter)
          .execute();
        // At the end: what has been written must go again.
        if (by < 1) throw fatal("NOT_POSITIVE", "It only grows.");
      },
    }),
  });
