/** The same transactions on two pools of one MySQL or MariaDB server: on one they are sent as a whole, on the other one statement after the other. */
import { type Generated, Kysely, MysqlDialect, sql } from "kysely";
import { guardPool } from "../../adapters/mysql2.js";
import {
  createTables,
  createWrites,
  type TransactionResult,
  type WriteEvent,
} from "../../src/index.js";
import { createMysqlDatabase, mysqlPool } from "./mysql.js";
import type { MysqlServer } from "./servers.js";
import type { TestPrincipal } from "./writes.js";

/** Tables, their rules and rows, and what is sent to them. */
export interface Shape {
  readonly ddl: readonly string[];
  readonly rules: object;
  /** Statements. Before each transaction, the tables are emptied and filled again. */
  readonly rows: readonly string[];
  /** Alice's transactions, each by itself. In front: what becomes of it. */
  readonly sent: readonly (readonly [became: string, ...crud: readonly object[]])[];
}

/** What has become of one transaction. */
export interface Outcome {
  readonly result: TransactionResult;
  readonly rows: Readonly<Record<string, readonly unknown[]>>;
  readonly missing: readonly unknown[];
}

export interface Twins {
  /** By transaction: on both pools, and what became of it on the first: `flown`, `success` step by step, the code of a failure, or another status. */
  run(shape: Shape): Promise<readonly { became: string; flight: Outcome; careful: Outcome }[]>;
  close(): Promise<void>;
}

export const put = (table: string, id: unknown, op_data: object) => ({
  op: "PUT",
  table,
  id,
  op_data,
});
export const patch = (table: string, id: unknown, op_data: object) => ({
  op: "PATCH",
  table,
  id,
  op_data,
});
export const remove = (table: string, id: unknown) => ({ op: "DELETE", table, id });

type Any = Record<string, Record<string, Generated<unknown>>>;

export async function createTwins(server: MysqlServer, options: object = {}): Promise<Twins> {
  const { url, drop } = await createMysqlDatabase(server);
  const open = (flights: boolean) =>
    new Kysely<Any>({
      dialect: new MysqlDialect({
        pool: guardPool(mysqlPool(url, { connectionLimit: 2, ...options }), { flights }),
      }),
    });
  const [flying, careful] = [open(true), open(false)];
  const plain = new Kysely<Any>({
    dialect: new MysqlDialect({ pool: mysqlPool(url, { connectionLimit: 1 }) }),
  });
  await createTables(plain);
  let devices = 0;
  let opId = 0;

  const tablesOf = ({ ddl }: Shape) =>
    ddl.flatMap((statement) => /^create table `?(\w+)/.exec(statement)?.[1] ?? []);

  const fill = async (shape: Shape) => {
    await sql.raw("set foreign_key_checks = 0").execute(plain);
    // A trigger may refuse a DELETE.
    const emptying = shape.ddl.some((text) => text.startsWith("create trigger"))
      ? "truncate table"
      : "delete from";
    for (const table of tablesOf(shape)) await sql.raw(`${emptying} ${table}`).execute(plain);
    await sql.raw("set foreign_key_checks = 1").execute(plain);
    for (const statement of shape.rows) await sql.raw(statement).execute(plain);
  };

  const one = async (shape: Shape, on: Kysely<Any>, at: number) => {
    const [, ...crud] = shape.sent[at] ?? [];
    const events: WriteEvent[] = [];
    const writes = createWrites<TestPrincipal, never>({
      authenticate: () => ({ userId: "" }),
      database: on as never,
      ledger: { prune: false },
      tables: shape.rules as never,
      logger: false,
      onEvent: (event) => events.push(event),
    });
    devices += 1;
    const send = (...operations: readonly object[]) => {
      events.length = 0;
      const numbered = operations.map((entry) => ({ ...entry, op_id: (opId += 1) }));
      const body = { client_id: `device ${devices}`, crud: numbered };
      return writes.processTransaction(body, { principal: { userId: "alice" } });
    };
    const flew = () => events.some((event) => event.type === "transaction" && event.flown === true);
    // The device is known, and so are the tables.
    for (let time = 0; time < 4 && on === flying && !flew(); time += 1)
      await send(...Object.keys(shape.rules).map((table) => remove(table, unused(shape, table))));
    await fill(shape);
    const result = await send(...crud);
    const rows: Record<string, readonly unknown[]> = {};
    for (const table of tablesOf(shape)) {
      const found = await sql.raw(`select * from ${table}`).execute(plain);
      rows[table] = found.rows
        .map((row) => JSON.stringify({ ...(row as object), number: undefined }))
        .toSorted();
    }
    const missing = events.flatMap((event) => (event.type === "row_missing" ? [event.id] : []));
    await sql
      .raw("delete from powersync_dead_letters")
      .execute(plain)
      .catch(() => undefined);
    const said = "failedOperation" in result ? result.failedOperation?.errorCode : undefined;
    return {
      outcome: { result, rows, missing },
      became: flew() ? "flown" : (said ?? result.status),
    };
  };

  return {
    run: async (shape) => {
      for (const statement of shape.ddl) await sql.raw(statement).execute(plain);
      const outcomes = [];
      try {
        for (const at of shape.sent.keys()) {
          const { outcome: flight, became } = await one(shape, flying, at);
          const { outcome } = await one(shape, careful, at);
          outcomes.push({ became, flight, careful: outcome });
        }
      } finally {
        await sql.raw("set foreign_key_checks = 0").execute(plain);
        for (const table of tablesOf(shape)) await sql.raw(`drop table ${table}`).execute(plain);
        await sql.raw("set foreign_key_checks = 1").execute(plain);
      }
      return outcomes;
    },
    close: async () => {
      for (const db of [flying, careful, plain]) await db.destroy();
      await drop();
    },
  };
}

/** A key that no row has. */
function unused({ ddl }: Shape, table: string): unknown {
  const text = ddl.find((statement) => statement.startsWith(`create table ${table} `)) ?? "";
  if (/primary key \(a, b\)/.test(text)) return "no.0";
  return /\bid (int|bigint)/.test(text) ? "999999" : "no row";
}
