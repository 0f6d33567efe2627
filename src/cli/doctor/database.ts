/** Examines the database of a configuration: the server, its clock, its connections, and the size of the library's own tables. */
import { type Kysely, sql } from "kysely";
import { defaultLimits } from "../../wire/limits.js";
import { atMost } from "../../sql/select.js";
import type { Dialect } from "../../sql/dialect.js";
import { familyOf } from "../../sql/families.js";
import { createOwn, type OwnTables } from "../../sql/own-tables/tables.js";
import { describeDatabaseError } from "../database-url.js";
import { describeError, type Io, counted } from "../io.js";
import { databaseOf, type Loaded } from "../load-config.js";
import { info, ok, type Verdict, warning, wrong } from "./verdict.js";

export async function* examineDatabase(loaded: Loaded, io: Io): AsyncGenerator<Verdict> {
  const { config, writes, whose } = loaded;
  const db = await databaseOf(loaded);
  if (db === undefined) {
    yield info(
      "examined",
      "not examined: `database` depends on the caller (name one with --principal), or is not a Kysely object",
    );
    return;
  }
  try {
    yield* server(db);
  } catch (error) {
    yield wrong("reachable", describeDatabaseError(error, io));
    return;
  }
  const { concurrentTransactions = defaultLimits.concurrentTransactions } = config.limits ?? {};
  if (db.getExecutor().adapter.supportsMultipleConnections) {
    yield await examinePool(db, concurrentTransactions);
  }
  const own = createOwn(config.ownTables).on(db);
  yield* counts("dead letters that wait", io, () => lettersByCode(own));
  yield* counts("parked", io, async () => {
    const { letters } = await writes.deadLetters.list({
      status: ["open", "stale"],
      errorCode: "RETRIES_EXHAUSTED",
      order: "oldest",
      limit: 1,
      ...whose,
    });
    const [oldest] = letters;
    return oldest === undefined
      ? ok("parked", "none")
      : warning(
          "parked",
          `the oldest since ${oldest.firstSeenAt.slice(0, 19)}Z: ${oldest.message} (letter ${oldest.id})`,
        );
  });
  if (config.parking !== false) yield* counts("repeated failures", io, () => failing(own));
  if (config.ledger === false) return;
  const dialect = await familyOf(db).load();
  yield* counts("the ledger", io, () => ledgerSize(own, dialect));
}

/** If one count fails, the other lines are still shown. */
async function* counts(
  what: string,
  io: Io,
  count: () => Promise<Verdict>,
): AsyncGenerator<Verdict> {
  try {
    yield await count();
  } catch (error) {
    yield wrong(what, describeError(error, io));
  }
}

const toleratedSeconds = 5;

async function* server(db: Kysely<unknown>): AsyncGenerator<Verdict> {
  const { name } = familyOf(db);
  const statement =
    name === "postgres"
      ? sql<Asked>`select version() as version, extract(epoch from clock_timestamp()) as seconds`
      : name === "mysql"
        ? sql<Asked>`select version() as version, unix_timestamp(now(6)) as seconds`
        : name === "mssql"
          ? sql<Asked>`select @@version as version, datediff_big(second, '1970-01-01', sysutcdatetime()) as seconds`
          : sql<Asked>`select 'SQLite ' || sqlite_version() as version, null as seconds`;
  const startedAt = Date.now();
  const { rows } = await statement.execute(db);
  const [row] = rows;
  const endedAt = Date.now();
  // Further lines of SQL Server's version contain its build date and system.
  const [version = name] = row?.version.split("\n") ?? [];
  yield ok("reachable", `${version.trim()}, ${endedAt - startedAt} ms`);
  if (row === undefined || row.seconds === null) return;
  const ms = Number(row.seconds) * 1_000;
  const apart = Math.max(startedAt - ms, ms - endedAt, 0) / 1_000;
  yield apart <= toleratedSeconds
    ? ok("clock", "the same as on this machine")
    : warning(
        "clock",
        `${Math.round(apart)} s apart from this machine's clock. Synchronize the clocks.`,
      );
}

interface Asked {
  readonly version: string;
  readonly seconds: string | number | null;
}

async function lettersByCode(own: Kysely<OwnTables>): Promise<Verdict> {
  const rows = await own
    .selectFrom("powersync_dead_letters")
    .select(["error_code", ({ fn }) => fn.countAll().as("letters")])
    .where("status", "in", ["open", "stale"])
    .groupBy("error_code")
    .orderBy("letters", "desc")
    .execute();
  const what = "dead letters that wait";
  if (rows.length === 0) return ok(what, "none");
  const total = rows.reduce((sum, { letters }) => sum + Number(letters), 0);
  const codes = rows.map(({ error_code, letters }) => `${error_code} ${String(letters)}`);
  return warning(
    what,
    `${total}: ${codes.join(", ")}. Run \`npx powersync-writes letters list --by-cause\` to see them.`,
  );
}

async function failing(own: Kysely<OwnTables>): Promise<Verdict> {
  const { transactions, most } = await own
    .selectFrom("powersync_attempts")
    .select(({ fn }) => [fn.countAll().as("transactions"), fn.max("attempts").as("most")])
    .executeTakeFirstOrThrow();
  const what = "repeated failures";
  const count = Number(transactions);
  if (count === 0) return ok(what, "none");
  return info(
    what,
    `${counted(count, "transaction")} in the last 30 days, one of them ${String(most)} times. See the log for the reasons.`,
  );
}

/** Counting stops here, because an exact number is not worth the wait. */
const mostCounted = 1_000_000;

async function ledgerSize(own: Kysely<OwnTables>, dialect: Dialect): Promise<Verdict> {
  const some = own
    .selectFrom("powersync_ledger")
    .select("identity")
    .$call((query) => atMost(dialect, query, mostCounted + 1))
    .as("some_rows");
  const { rows } = await own
    .selectFrom(some)
    .select(({ fn }) => fn.countAll().as("rows"))
    .executeTakeFirstOrThrow();
  const count = Number(rows);
  return count > mostCounted
    ? info("the ledger", "more than a million rows. `ledger.retentionDays` limits their age")
    : ok("the ledger", counted(count, "row"));
}

/** If no further connection arrives within this time, the pool is considered exhausted. */
const quietMs = 1_000;
/** No more connections are opened, because the server is in use. */
const mostAsked = 20;

/** @param wanted the number of database transactions that the configuration allows at once */
export async function examinePool(db: Kysely<unknown>, wanted: number): Promise<Verdict> {
  const what = "connections";
  const asked = Math.min(wanted, mostAsked);
  const { held, failure } = await holdAtOnce(db, asked);
  if (failure !== undefined) {
    const why = describeError(failure, { secrets: new Set() });
    return warning(what, `after ${counted(held, "connection")}, the next one failed: ${why}`);
  }
  return held >= asked
    ? ok(what, `the pool provides ${held} at once, and limits.concurrentTransactions is ${wanted}`)
    : warning(
        what,
        `the pool provides ${held} at once, but limits.concurrentTransactions is ${wanted}. Enlarge the pool to ${wanted} connections, or set the limit to ${held}.`,
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
