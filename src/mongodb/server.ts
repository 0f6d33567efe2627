/** What the command `hello` tells about the server: whether it runs transactions, and its time. */
import type { Db, Document } from "mongodb";
import { keptQueued } from "../errors.js";
import { needsReplicaSet } from "./errors.js";
import { micros } from "./commands.js";

export interface Server {
  /**
   * The server's time, in microseconds since 1970. Each call in the process returns a later time than the calls before.
   *
   * @param looking the unit only reads: a problem with the server is then left to `problem` to report
   * @throws RetryableError if the server runs no transactions
   */
  now(looking: boolean): Promise<number>;
  /** What is wrong with the server, and the remedy. Always asks the server. */
  problem(): Promise<string | undefined>;
}

/** For how long the measured difference between the clocks is used. */
const believedMs = 60_000;

export function createServer(db: Db, maxTimeMS: number): Server {
  let ahead = 0;
  let asked = -Infinity;
  let last = 0;
  let asking: Promise<string | undefined> | undefined;

  const ask = async (): Promise<string | undefined> => {
    const before = Date.now();
    const hello = await db.admin().command({ hello: 1, maxTimeMS });
    const between = (before + Date.now()) / 2;
    const { localTime } = hello as { readonly localTime?: unknown };
    if (localTime instanceof Date) ahead = localTime.getTime() - between;
    const problem = runsTransactions(hello) ? undefined : needsReplicaSet;
    if (problem === undefined) asked = performance.now();
    return problem;
  };

  const problem = (): Promise<string | undefined> => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    now: async (looking) => {
      if (performance.now() - asked > believedMs) {
        const found = await problem();
        if (found !== undefined && !looking)
          throw keptQueued("The database can't be used right now.", new Error(found));
      }
      last = Math.max(last + 1, Math.floor((Date.now() + ahead) * micros));
      return last;
    },
    problem,
  };
}

function runsTransactions(hello: Document): boolean {
  return typeof hello["setName"] === "string" || hello["msg"] === "isdbgrid";
}
