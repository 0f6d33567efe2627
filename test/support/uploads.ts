/** Servers that really listen, and clients that upload to them as devices do. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import express from "express";
import { type Kysely, sql } from "kysely";
import { powersyncWrites as forExpress } from "../../adapters/express.js";
import { powersyncWrites as forNode } from "../../adapters/node.js";
import type { Principal, Writes } from "../../src/index.js";
import type { TestSchema } from "./schema.js";

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

export const adapters: Readonly<
  Record<string, <P extends Principal>(writes: Writes<P>) => Server>
> = {
  "Express 5": (writes) => createServer(express().use(forExpress(writes))),
  "node:http": (writes) => {
    return createServer(forNode(writes));
  },
};

export async function listen(server: Server): Promise<Listening> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return {
    url: `http://127.0.0.1:${address.port}/api/data`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

export interface WireEntry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_id?: number;
  readonly op_data?: Readonly<Record<string, unknown>>;
}

export interface WireTransaction {
  readonly transaction_id?: number;
  readonly crud: readonly WireEntry[];
}

export interface WireResult {
  readonly status: "success" | "retryable_error" | "fatal_error" | "not_attempted";
  readonly message?: string;
  readonly failed_operation?: { readonly error_code: string; readonly operation_index?: number };
}

export interface UploadAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: unknown;
}

export interface Sender {
  readonly user?: string;
  readonly signal?: AbortSignal;
}

/** Anything, in any shape. An answer that does not come in time is a failure of its own, and not a wait. */
export async function post(
  url: string,
  body: unknown,
  { user = "alice", signal }: Sender = {},
): Promise<UploadAnswer> {
  const bounded = AbortSignal.timeout(90_000);
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${user}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: signal === undefined ? bounded : AbortSignal.any([bounded, signal]),
  });
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    body: (await response.json()) as unknown,
  };
}

/** Transactions of one client, in the batch form. Throws unless it is answered with 200. */
export async function upload(
  url: string,
  client: string,
  transactions: readonly WireTransaction[],
  sender: Sender = {},
): Promise<readonly WireResult[]> {
  const answer = await post(url, { client_id: client, transactions }, sender);
  if (answer.status !== 200)
    throw new Error(`Answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return (answer.body as { readonly results: readonly WireResult[] }).results;
}

/**
 * What a device does: sends what is at the head of its queue, and takes off what has been answered; until nothing is left.
 *
 * @param urlOf asked before every request: a server that was started again may listen elsewhere
 */
export async function uploadQueue(
  urlOf: () => string | Promise<string>,
  client: string,
  queue: readonly WireTransaction[],
  { inOneRequest = 10, ms = 180_000 } = {},
): Promise<readonly string[]> {
  const outcomes: string[] = [];
  await until(async () => {
    const head = queue.slice(outcomes.length, outcomes.length + inOneRequest);
    const results = await upload(await urlOf(), client, head).catch(() => []);
    for (const { status } of results) {
      if (status !== "success" && status !== "fatal_error") break;
      outcomes.push(status);
    }
    return outcomes.length === queue.length;
  }, ms);
  return outcomes;
}

export const statuses = (results: readonly WireResult[]): readonly string[] =>
  results.map(({ status }) => status);

/** A transaction of one PUT into `things`. */
export function putThing(
  opId: number,
  data: Readonly<Record<string, unknown>> = {},
  id = crypto.randomUUID() as string,
): WireTransaction {
  return {
    transaction_id: opId,
    crud: [{ op: "PUT", table: "things", id, op_id: opId, op_data: { size: opId, ...data } }],
  };
}

/** One that no database takes: `size` must not be negative. */
export function poison(opId: number, id = crypto.randomUUID() as string): WireTransaction {
  return putThing(opId, { size: -1 }, id);
}

/** Every change of a row of `things` leaves a line, in the transaction that made it: what has been applied twice is seen. */
export async function traceEffects(db: Kysely<TestSchema>): Promise<void> {
  await sql`create table effects (number bigserial primary key, op text not null, id uuid not null, size integer)`.execute(
    db,
  );
  await sql`
    create function trace_effect() returns trigger language plpgsql as $$
    begin
      insert into effects (op, id, size) values (tg_op, coalesce(new.id, old.id), new.size);
      return null;
    end $$`.execute(db);
  await sql`create trigger trace after insert or update or delete on things for each row execute function trace_effect()`.execute(
    db,
  );
}

export interface Effect {
  readonly op: "INSERT" | "UPDATE" | "DELETE";
  readonly id: string;
  readonly size: number | null;
}

/** In the order in which they were written. */
export async function effects(db: Kysely<TestSchema>): Promise<readonly Effect[]> {
  const { rows } = await sql<Effect>`select op, id, size from effects order by number`.execute(db);
  return rows;
}

export async function count(
  db: Kysely<TestSchema>,
  table: keyof TestSchema | "effects",
): Promise<number> {
  const { rows } = await sql<{ count: string }>`select count(*) from ${sql.table(table)}`.execute(
    db,
  );
  return Number(rows[0]?.count);
}

/** All but the tables themselves. */
export async function emptyAll(db: Kysely<TestSchema>): Promise<void> {
  await sql`truncate todos, lists, things, effects, powersync_ledger, powersync_devices, powersync_accounts, powersync_named, powersync_versions, powersync_dead_letters, powersync_letter_parts, powersync_letter_rows restart identity`.execute(
    db,
  );
}

/** Until it is so. The bound is for what never comes: on a busy machine things take their time. */
export async function until(done: () => boolean | Promise<boolean>, ms = 90_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await done())) {
    if (performance.now() > end) throw new Error("It does not come about.");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
