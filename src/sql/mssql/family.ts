/** SQL Server before its dialect is loaded: Kysely's adapter, and how the library's own tables are created. */
import { type Expression, MssqlAdapter, sql } from "kysely";
import type { Family } from "../family.js";
import type { SqlDatabase } from "../table.js";

const waitMs = 30_000;

/** The lock belongs to the transaction, in which the schema is changed, and ends with it. */
async function migrate(db: SqlDatabase, run: (on: SqlDatabase) => Promise<void>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ locked: unknown }>`
      declare @locked int;
      exec @locked = sp_getapplock @Resource = 'powersync-writes', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = ${sql.lit(waitMs)};
      select @locked as locked
    `.execute(tx.withoutPlugins());
    if (Number(rows[0]?.locked ?? -1) < 0)
      throw new Error("Another process is still making the library's tables.");
    await run(tx);
  });
}

/** The quoted name, for `object_id`. */
export function objectName({
  schema,
  name,
}: {
  readonly schema?: string;
  readonly name: string;
}): string {
  return [schema, name]
    .filter((part) => part !== undefined)
    .map((part) => `[${part.replaceAll("]", "]]")}]`)
    .join(".");
}

const letterByLetter = sql`collate Latin1_General_BIN2`;

function exactText(length: Expression<unknown>): Expression<unknown> {
  return sql`nvarchar(${length}) ${letterByLetter}`;
}

const minuteMs = 60_000;
/** A `datetime2` begins with the year 1. */
const longestMs = 2_000 * 365 * 24 * 60 * minuteMs;

export const mssqlFamily: Family = {
  name: "mssql",
  adapter: MssqlAdapter,
  rowSecurity: false,
  deferral: false,
  types: {
    // The type in which the driver sends text: a column of another type would be converted row by row. The collation compares exactly.
    text: exactText(sql`max`),
    longText: exactText(sql`max`),
    varchar: (length) => exactText(sql.lit(length)),
    timestamp: sql`datetime2(7)`,
    now: sql`sysutcdatetime()`,
    // Its statements with a time are not compiled once, so this is a number. DATEADD takes an int, which is too small for a long time in microseconds or seconds.
    ago: (given) => {
      const ms = Math.min(Number(given), longestMs);
      return sql`dateadd(minute, ${-Math.floor(ms / minuteMs)}, dateadd(microsecond, ${-Math.round((ms % minuteMs) * 1_000)}, sysutcdatetime()))`;
    },
    iso: (column) => sql`replace(convert(varchar(27), ${column}, 121), ' ', 'T') + 'Z'`,
    at: (iso) => sql`convert(datetime2(7), ${iso.slice(0, -1)})`,
    digits: (column) => sql`convert(varchar(20), ${column})`,
    // LEN would ignore trailing spaces.
    length: (text) => sql`datalength(${text}) / 2`,
    // The documentation does not say that the collation of a VALUES column yields to the table's.
    mergeKey: (sent) => sql`${sent} ${letterByLetter}`,
    uniqueNulls: true,
    ifMissing: (table, create) =>
      sql`if object_id(${sql.lit(objectName(table))}) is null ${create}`,
  },
  migrate,
};
