/** A Cloudflare Worker, with `nodejs_compat`. In production `DATABASE_URL` is Hyperdrive's `connectionString`. */
import { powersyncWrites } from "../../adapters/fetch.js";
import { configFor, type Environment } from "./config.js";

interface Execution {
  waitUntil(work: Promise<unknown>): void;
}

export default {
  async fetch(request: Request, environment: Environment, execution: Execution): Promise<Response> {
    // A connection can't be used by another request than the one that opened it.
    const config = configFor(environment);
    try {
      return await powersyncWrites(config)(request);
    } finally {
      execution.waitUntil(config.database.destroy());
    }
  },
};
