/** A transaction that takes too long when it is sent as a whole: a flight counts no failure, so the step-by-step way gets its turn, and parks it in the end. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { anonymous, createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

type Config = Partial<WritesConfig<{ readonly userId: string }, TestSchema>>;

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

describe.skipIf(!(await postgres.available()))("a transaction that takes too long", () => {
  let database: TestDatabase;
  let opId = 0;

  beforeAll(async () => {
    database = await postgres.open();
    const { db } = database;
    // How long a list takes is its name.
    await sql`
      create function sleeps() returns trigger language plpgsql as $$
      begin perform pg_sleep(new.name::double precision); return null; end $$`.execute(db);
    await sql`
      create trigger sleeps after insert or update on lists for each row execute function sleeps()
    `.execute(db);
  });
  beforeEach(() => database.reset());
  afterAll(() => database.close());

  const open = (config: Config = {}) => {
    const events: WriteEvent[] = [];
    const writes = createWrites({
      authenticate: anonymous(),
      database: database.db,
      tables: { lists: { access: "everyone" } },
      logger: false,
      parking: { attempts: 2, afterHours: 0 },
      onEvent: (event) => void events.push(event),
      ...config,
    });
    const send = async (userId: string, crud: readonly object[]) => {
      events.length = 0;
      const result = await writes.processTransaction(
        { client_id: userId, crud },
        { principal: { userId } },
      );
      const flew = events.some((event) => event.type === "transaction" && event.flown === true);
      return { result, flew };
    };
    return { send };
  };
  const list = (n: number, seconds: number) => {
    opId += 1;
    return { op: "PUT", table: "lists", id: uuid(n), op_id: opId, op_data: { name: `${seconds}` } };
  };

  it("is parked where a statement takes too long", async () => {
    const { send } = open();
    // Alice's device is known, and flies.
    for (let time = 0; time < 9; time += 1) await send("alice", [list(2, 0)]);
    const flown = { result: { status: "success" }, flew: true };
    expect(await send("alice", [list(2, 0)])).toEqual(flown);
    const hurried = open({ timeouts: { statementMs: 400 } });
    const crud = [list(1, 60)];
    const answers: string[] = [];
    while (answers.length < 10 && !answers.includes("RETRIES_EXHAUSTED")) {
      const { result } = await hurried.send("alice", crud);
      answers.push("failedOperation" in result ? result.failedOperation.errorCode : result.status);
      // Others are applied meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await send("bob", [list(3, 0)])).result).toEqual({ status: "success" });
    }
    expect(answers.at(-1)).toBe("RETRIES_EXHAUSTED");
    expect(new Set(answers.slice(0, -1))).toEqual(new Set(["retryable_error"]));
  });
});
