/** Measures how many connections the pool really provides, because no option of a pool says so reliably. */
import { type Kysely, sql } from "kysely";
import { counted } from "../check.js";
import { describeError } from "../describe-error.js";
import { ok, type Verdict, warning } from "./verdict.js";

/** If no other connection has come within this time, the pool is considered exhausted. */
const quietMs = 1_000;
/** No more connections are opened, because the server is in use. */
const mostAsked = 20;

/** @param wanted database transactions that the configuration lets be under way at once */
export async function examinePool(db: Kysely<unknown>, wanted: number): Promise<Verdict> {
  const what = "connections";
  const asked = Math.min(wanted, mostAsked);
  const { held, failure } = await holdAtOnce(db, asked);
  if (failure !== undefined) {
    const why = describeError(failure, { secrets: new Set() });
    return warning(what, `after ${held} the next one failed: ${why}`);
  }
  return held >= asked
    ? ok(what, `the pool gives ${held} at once, and limits.concurrentTransactions is ${wanted}`)
    : warning(
        what,
        `the pool gives ${held} at once, and limits.concurrentTransactions is ${wanted}: make the pool as large, or set the limit to ${counted(held, "connection")}.`,
      );
}

async function holdAtOnce(
  db: Kysely<unknown>,
  asked: number,
): Promise<{ readonly held: number; readonly failure?: unknown }> {
  let held = 0;
  let most = 0;
  let failure: unknown;
  let release: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(release, quietMs);
  };
  wait();
  const holders = Array.from({ length: asked }, async () => {
    try {
      await db.connection().execute(async (connection) => {
        await sql`select 1`.execute(connection);
        held += 1;
        most = Math.max(most, held);
        if (most === asked) release();
        else wait();
        await released;
        held -= 1;
      });
    } catch (error) {
      failure ??= error;
      release();
    }
  });
  await Promise.all(holders);
  clearTimeout(timer);
  return { held: most, ...(failure !== undefined && { failure }) };
}
