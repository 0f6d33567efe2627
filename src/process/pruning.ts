/** When the ledger is pruned: now and then, behind the requests, so that nobody has to remember it. */
import type { Kysely } from "kysely";
import type { TransactionSettings } from "../sql/transaction.js";
import type { LedgerOptions, WritesConfig } from "../config.js";
import type { Emit } from "../events.js";
import type { Principal } from "../pipeline/layers.js";
import { pruneFailures, pruneLedger } from "../sql/prune.js";
import type { Transit } from "../http/load.js";

const defaultRetentionDays = 90;
const dayMs = 24 * 3_600_000;
const intervalMs = 3_600_000;

interface Pruning {
  /** At once. */
  prune<DB>(database: Kysely<DB>): Promise<number>;
  /** An upload has been answered: time to prune, perhaps. Waits for nothing and never throws. */
  passed<DB>(database: Kysely<DB>): void;
}

/** @throws TypeError for a retention that is none */
export function createPruning<P extends Principal, DB>(
  { ledger, parking }: WritesConfig<P, DB>,
  settings: TransactionSettings,
  transit: Transit,
  emit: Emit,
): Pruning {
  const options: LedgerOptions = ledger === false ? { prune: parking !== false } : (ledger ?? {});
  const { retentionDays = defaultRetentionDays, prune: automatic = true } = options;
  if (!(retentionDays > 0 && retentionDays < 100_000)) {
    throw new TypeError("ledger: `retentionDays` must be a number of days, more than 0.");
  }
  const prune = async <D>(database: Kysely<D>): Promise<number> => {
    const { draining } = transit;
    const answers =
      ledger === false ? 0 : await pruneLedger(database, settings, retentionDays * dayMs, draining);
    const failures = parking === false ? 0 : await pruneFailures(database, settings, draining);
    return answers + failures;
  };
  // By the executor's adapter, which is one for a database; of many processes that start together, each has its own time.
  const due = new WeakMap<object, number>();

  return {
    prune: (database) => transit.during(() => prune(database)),
    passed: (database) => {
      if (!automatic || transit.draining()) return;
      const now = performance.now();
      const { adapter } = database.getExecutor();
      const at = due.get(adapter) ?? now + Math.random() * intervalMs;
      due.set(adapter, at <= now ? now + intervalMs : at);
      if (at > now) return;
      const name = { correlationId: crypto.randomUUID() };
      transit
        .during(() => prune(database))
        .then(
          (removed) => emit({ type: "pruned", ...name, removed }),
          (error: unknown) =>
            emit({ type: "error", ...name, during: "prune", error, outcome: "ignored" }),
        );
    },
  };
}
