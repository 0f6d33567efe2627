/**
 * The floor on Postgres: what a server can reach that checks nothing. `node:http`, `pg`, and each transaction sent in one go, from BEGIN to COMMIT:
 * statements prepared by name, neighboring PUTs and DELETEs of one table as one statement, PATCHes one by one, in the client's order. With a ledger it
 * does what the library's ledger does in the usual case, in one statement more: the transaction's row, only for a queue that is known and where no
 * other transactions are told apart by their content, and the question for open letters. Where that statement does not give its row it fails the transaction.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import pg from "pg";
import { type Entry, type Listening, listening, type Transaction } from "./serving.js";

interface Statement {
  /** Absent: not prepared. */
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
}

const queue = createHash("sha256").update("bench").digest("hex");

interface FloorOptions {
  readonly ledger: boolean;
  /** For all transactions of a request. */
  readonly oneCommit: boolean;
}

export async function serveFloor(
  databaseUrl: string,
  { ledger, oneCommit }: FloorOptions,
): Promise<Listening> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10, pipeline: true });
  const apply = async (transactions: readonly Transaction[]) => {
    const client = await pool.connect();
    let failed = true;
    try {
      await inOneGo(client, wholeOf(transactions, ledger));
      failed = false;
    } finally {
      // After a failure not used again: what has become of its transaction is not asked.
      client.release(failed);
    }
  };
  const applyOnce = (transactions: readonly Transaction[]) =>
    apply(transactions).catch(async (error: unknown) => {
      if (!isDivisionByZero(error)) throw error;
      // The queue is not known yet.
      await pool.query(
        "insert into powersync_devices (queue, subject, place) values ($1, $1, 'bench') on conflict do nothing",
        [queue],
      );
      await apply(transactions);
    });
  return servingFloor(async (transactions) => {
    if (oneCommit) await applyOnce(transactions);
    else for (const transaction of transactions) await applyOnce([transaction]);
  });
}

/** Bare `node:http`: every request's transactions are applied, and answered `success`. */
export function servingFloor(
  apply: (transactions: readonly Transaction[]) => Promise<void>,
): Promise<Listening> {
  return listening((request, response) => {
    void read(request)
      .then(async (text) => {
        const { transactions } = JSON.parse(text) as { transactions: readonly Transaction[] };
        await apply(transactions);
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ results: transactions.map(() => ({ status: "success" })) }));
      })
      .catch((error: unknown) => {
        console.error(error);
        response.statusCode = 500;
        response.end("{}");
      });
  });
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** In one write to the socket; nothing is waited for in between. */
async function inOneGo(client: pg.PoolClient, all: readonly Statement[]): Promise<void> {
  // `pg` tells its types nothing of it.
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.cork();
  const answers = all.map((statement) => client.query(statement));
  process.nextTick(() => stream.uncork());
  const settled = await Promise.allSettled(answers);
  const failed = settled.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function isDivisionByZero(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "22012";
}

function wholeOf(transactions: readonly Transaction[], ledger: boolean): readonly Statement[] {
  const parts = transactions.flatMap(({ crud }) => [
    ...(ledger ? [claim(createHash("sha256").update(JSON.stringify(crud)).digest("hex"))] : []),
    ...statements(crud),
  ]);
  return [{ text: "begin" }, ...parts, { text: "commit" }];
}

function claim(identity: string): Statement {
  return {
    name: "claim",
    text: `with entered as (
      insert into powersync_ledger (identity, queue, request, request_at, first_request, first_request_at, applied_at)
      select $1, device.queue, $3, clock_timestamp(), $3, clock_timestamp(), clock_timestamp()
      from powersync_devices as device where device.queue = $2 and device.unsettled = 0 and device.told = 0 for share of device
      on conflict (identity) do nothing returning 1
    ) select 1 / count(*), exists (
      select 1 from powersync_dead_letters as open where open.place = 'bench' and open.subject = $2 and open.status in ('open', 'stale')
    ) from entered`,
    values: [identity, queue, "00000000-0000-4000-8000-000000000000"],
  };
}

/** In the client's order. */
function statements(crud: readonly Entry[]): readonly Statement[] {
  const made: Statement[] = [];
  for (let from = 0; from < crud.length;) {
    const { op, table } = crud[from] as Entry;
    let to = from + 1;
    if (op !== "PATCH") while (crud[to]?.op === op && crud[to]?.table === table) to += 1;
    made.push(statement(crud.slice(from, to)));
    from = to;
  }
  return made;
}

const columns = {
  lists: ["name", "owner_id", "created_at"],
  todos: ["list_id", "description", "completed", "position", "created_at"],
};
const types: Readonly<Record<string, string>> = {
  completed: "boolean",
  position: "double precision",
  created_at: "timestamptz",
  list_id: "uuid",
};

/** Rows that are distinct, since the bench's are. */
function statement(run: readonly Entry[]): Statement {
  const [{ op, table, id, op_data: data = {} }] = run as [Entry];
  if (op === "DELETE") {
    return {
      name: `delete ${table}`,
      text: `delete from ${table} where id = any($1::uuid[])`,
      values: [run.map((entry) => entry.id)],
    };
  }
  const names = op === "PATCH" ? Object.keys(data) : columns[table];
  const set = (value: (column: string, index: number) => string) =>
    names.map((column, index) => `${column} = ${value(column, index)}`).join(", ");
  if (op === "PATCH") {
    return {
      name: `update ${table} ${names.join(" ")}`,
      text: `update ${table} set ${set((column, index) => `$${index + 2}::${types[column] ?? "text"}`)} where id = $1`,
      values: [id, ...names.map((name) => sent(name, data[name]))],
    };
  }
  const insert = `insert into ${table} (id, ${names.join(", ")})`;
  const upsert = `on conflict (id) do update set ${set((column) => `excluded.${column}`)}`;
  if (run.length === 1) {
    const places = names.map((column, index) => `$${index + 2}::${types[column] ?? "text"}`);
    return {
      name: `insert ${table}`,
      text: `${insert} values ($1, ${places.join(", ")}) ${upsert}`,
      values: [id, ...names.map((name) => sent(name, data[name]))],
    };
  }
  const lists = [
    "$1::uuid[]",
    ...names.map((column, index) => `$${index + 2}::${types[column] ?? "text"}[]`),
  ];
  return {
    name: `insert many ${table}`,
    text: `${insert} select * from unnest(${lists.join(", ")}) ${upsert}`,
    values: [
      run.map((entry) => entry.id),
      ...names.map((name) => run.map((entry) => sent(name, entry.op_data?.[name]))),
    ],
  };
}

function sent(column: string, value: unknown): unknown {
  return column === "completed" ? value === 1 : value;
}
