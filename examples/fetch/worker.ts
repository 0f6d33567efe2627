/** A Cloudflare Worker, with `nodejs_compat`. In production `DATABASE_URL` is Hyperdrive's `connectionString`. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Kysely } from "kysely";
import { powersyncWrites } from "../../adapters/fetch.js";
import { connect, type Database, type Environment, rulesFor } from "./config.js";

interface Execution {
  waitUntil(work: Promise<unknown>): void;
}

// A connection can't be used by another request than the one that opened it. So each request has a database object of its own.
const ofRequest = new AsyncLocalStorage<Kysely<Database>>();

function open(): Kysely<Database> {
  const database = ofRequest.getStore();
  if (database === undefined) throw new Error("There is no request.");
  return database;
}

/** Made once, by the first request, for only requests come with an environment. */
let handler: ((request: Request) => Promise<Response>) | undefined;

function handlerFor(environment: Environment): (request: Request) => Promise<Response> {
  return powersyncWrites({
    ...rulesFor(environment),
    // All requests write to the same database, so they share what is remembered of it.
    database: { open, key: () => "source" },
    // Pruning goes on behind the answer, when the request's database is closed. Call `writes.prune({ principal })` from a scheduled job.
    ledger: { prune: false },
  });
}

export default {
  async fetch(request: Request, environment: Environment, execution: Execution): Promise<Response> {
    const handle = (handler ??= handlerFor(environment));
    const database = connect(environment);
    const answered = ofRequest.run(database, () => handle(request));
    // Also where the device has hung up: an identical transaction may be waiting for this one.
    execution.waitUntil(answered.then(() => database.destroy()));
    return answered;
  },
};
