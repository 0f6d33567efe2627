/** A Cloudflare Worker, with `nodejs_compat`. In production `DATABASE_URL` is Hyperdrive's `connectionString`. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Kysely } from "kysely";
import { powersyncWrites } from "../../adapters/fetch.js";
import { connect, type Database, type Environment, rulesFor } from "./config.js";

interface Execution {
  waitUntil(work: Promise<unknown>): void;
}

// A connection can be used only by the request that opened it, so each request has its own database object.
const ofRequest = new AsyncLocalStorage<Kysely<Database>>();

function open(): Kysely<Database> {
  const database = ofRequest.getStore();
  if (database === undefined) throw new Error("The database is used outside of a request.");
  return database;
}

/** Created by the first request, because only requests have an environment. */
let handler: ((request: Request) => Promise<Response>) | undefined;

function handlerFor(environment: Environment): (request: Request) => Promise<Response> {
  return powersyncWrites({
    ...rulesFor(environment),
    // All requests write to the same database, so they share what the process remembers about it.
    database: { open, key: () => "source" },
    // Pruning would continue after the answer, when the request's database is closed. Call `writes.prune({ principal })` from a scheduled job instead.
    ledger: { prune: false },
  });
}

export default {
  async fetch(request: Request, environment: Environment, execution: Execution): Promise<Response> {
    const handle = (handler ??= handlerFor(environment));
    const database = connect(environment);
    const answered = ofRequest.run(database, () => handle(request));
    // Waits even if the device has disconnected, because an identical transaction may be waiting for this one.
    execution.waitUntil(answered.then(() => database.destroy()));
    return answered;
  },
};
