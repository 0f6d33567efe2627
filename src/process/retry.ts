/** Which failures are tried again in the server, before the client hears of them. */
import type { QueryExecutorProvider } from "kysely";
import type { Verdict } from "./classify.js";
import type { Catalog } from "../sql/schema.js";

const attempts = 5;
const firstDelayMs = 10;

/** Waits, and says true; or says false at once. Bounded in number, and over when the caller has left. */
export type Again = (
  verdict: Verdict,
  attempt: number,
  call: { readonly database: QueryExecutorProvider; readonly signal: AbortSignal },
) => Promise<boolean>;

export function createAgain(catalog: Catalog): Again {
  return async (verdict, attempt, { database, signal }) => {
    if (verdict.outcome === "fatal" || attempt >= attempts || signal.aborted) return false;
    switch (verdict.again) {
      case "contention":
        await sleep(firstDelayMs * 2 ** attempt * (0.5 + Math.random()));
        return !signal.aborted;
      case "schema":
        return catalog.forget(database);
      default:
        return false;
    }
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
