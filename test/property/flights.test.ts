/**
 * Any sequence of transactions ends in the same rows, answers, events and letters whether it is sent as a whole or step by step; and most of it is really
 * sent as a whole. More sequences with `LONG=1`.
 */
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type Writes } from "../../src/index.js";
import { long } from "../support/long.js";
import type { TestPrincipal } from "../support/writes.js";
import {
  comparedColumns,
  type FlightDatabase,
  flightDatabases,
  type FlightDb,
  rules,
  tableNames,
} from "./flights-databases.js";
import { beginning, transaction } from "./flights-sent.js";

interface Side {
  readonly writes: Writes<TestPrincipal>;
  readonly db: FlightDb;
  /** Of the latest transaction. */
  readonly told: { flown: boolean; events: string[] };
  close(): Promise<void>;
}

async function open(database: FlightDatabase, flights: boolean): Promise<Side> {
  const { db, close } = await database.open(flights);
  const told = { flown: false, events: [] as string[] };
  const writes = createWrites<TestPrincipal, never>({
    authenticate: () => ({ userId: "" }),
    database: db as never,
    tables: rules,
    logger: false,
    onEvent: (event: WriteEvent) => {
      if (event.type === "transaction") told.flown = event.flown;
      if (event.type === "row_missing" || event.type === "row_declined")
        told.events.push(`${event.type} ${event.table} ${event.id}`);
    },
  });
  return { writes, db, told, close };
}

async function clear({ db }: Side): Promise<void> {
  // MySQL looks at each row of a DELETE by itself.
  await db.updateTable("codes").set({ above: null }).execute();
  for (const table of ["powersync_letter_rows", "powersync_dead_letters", ...tableNames])
    await db.deleteFrom(table).execute();
}

async function everything({ db }: Side): Promise<Readonly<Record<string, unknown>>> {
  const all: Record<string, unknown> = {};
  for (const table of tableNames) {
    const rows = db.selectFrom(table).orderBy(sql`1, 2`);
    const columns = comparedColumns[table];
    all[table] = await (columns ? rows.select([...columns]) : rows.selectAll()).execute();
  }
  const letters = await db
    .selectFrom("powersync_dead_letters")
    .select(["user_id", "error_code", "operation_index", "status", "payload"])
    .execute();
  const answered = await db.selectFrom("powersync_ledger").select("identity").execute();
  return {
    ...all,
    letters: letters.map((letter) => JSON.stringify(letter)).toSorted(),
    answered: answered.map(({ identity }) => String(identity)).toSorted(),
  };
}

describe.each(flightDatabases)("a whole and step by step, on $name", (database) => {
  let whole: Side;
  let steps: Side;
  let isOpen = false;
  let opId = 0;

  beforeAll(async () => {
    isOpen = await database.available();
    if (isOpen) [whole, steps] = await Promise.all([open(database, true), open(database, false)]);
  });
  afterAll(async () => {
    if (isOpen) await Promise.all([whole.close(), steps.close()]);
  });

  it("end in the same", { timeout: 1_800_000 }, async ({ skip }) => {
    skip(!isOpen);
    const outcomes = new Set<string>();
    let [flying, flown] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(transaction, { minLength: 4, maxLength: 14 }), async (sent) => {
        await Promise.all([whole, steps].map(clear));
        /** Each of their transactions is looked at for dependants. */
        const lettered = new Set<string>();
        for (const { user, crud, flies } of [beginning("alice"), beginning("bob"), ...sent]) {
          const body = {
            client_id: `${user}'s phone`,
            crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
          };
          const principal = { userId: user };
          const send = async ({ writes, told }: Side) => {
            Object.assign(told, { flown: false, events: [] });
            const result = await writes.processTransaction(body, { principal });
            return { result, events: told.events };
          };
          const [one, other] = await Promise.all([send(whole), send(steps)]);
          expect(one).toEqual(other);
          expect(steps.told.flown).toBe(false);
          const { result } = one;
          const isFatal = result.status === "fatal_error";
          outcomes.add(isFatal ? result.failedOperation.errorCode : result.status);
          if (isFatal) lettered.add(user);
          if (!flies || lettered.has(user)) continue;
          flying += 1;
          if (whole.told.flown) flown += 1;
        }
        const [one, other] = await Promise.all([everything(whole), everything(steps)]);
        expect(one).toEqual(other);
      }),
      // How many fly depends on what is refused. By default it is the same each time; `LONG=1` tries others.
      { numRuns: database.sequences, ...(!long && { seed: 16 }) },
    );
    expect(outcomes).toContain("success");
    if (database.sequences >= 20) expect(outcomes).toContain("UNAUTHORIZED");
    expect(flown / flying).toBeGreaterThan(0.8);
  });
});
