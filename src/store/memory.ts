/** The store port in the process's memory: for tests, and as proof that the port does not depend on SQL. */
import { keptQueued } from "../errors.js";
import { createDeadline } from "./deadline.js";
import { CallerLeft } from "./failures.js";
import type { ClaimWithNames } from "./ledger.js";
import type { StoredLetter } from "./letters.js";
import {
  defineMemoryTables,
  type Definition,
  meaningOf,
  type MemoryTables,
  type Row,
} from "./memory/tables.js";
import { inOrder, type StoredRecord } from "./memory/letters.js";
import { type Counters, openRows, overlay, type Overlay, viewRow } from "./memory/rows.js";
import type {
  AccountRow,
  AttemptsRow,
  DeviceRow,
  LedgerRow,
  NamedRecord,
  VersionRow,
} from "./memory/own.js";
import { type MemoryScopeBuilder, scopeBuilder } from "./memory/scope.js";
import type { MemoryTransaction } from "./memory/transaction.js";
import { openUnit, type OpenedUnit } from "./memory/unit.js";
import { convert, view } from "./memory/values.js";
import type { Store, StoredRow, UnitOptions } from "./store.js";

export type { MemoryTransaction } from "./memory/transaction.js";
export type { MemoryColumn, MemoryReference, MemoryTable, MemoryTables } from "./memory/tables.js";
export type { MemoryScope, MemoryScopeBuilder, ReadRows } from "./memory/scope.js";
export type { MemoryType } from "./memory/values.js";
export { MemoryError } from "./memory/tables.js";

/** Options of `memoryStore`. */
export interface MemoryStoreOptions {
  readonly tables: MemoryTables;
  /** How long a database transaction may take, including the wait for those before it, in milliseconds. Default 60,000. */
  readonly transactionMs?: number;
  /** The clock, in milliseconds since 1970, for the times of letters, ledger and failures. Default `Date.now`. */
  readonly now?: () => number;
}

/** A database in memory, for tests. */
export interface MemoryStore extends Store<MemoryTransaction> {
  readonly scopeBuilder: MemoryScopeBuilder;
  /** The committed rows of a table, in the order in which they were inserted. */
  rows(table: string): readonly StoredRow[];
  /** The committed dead letters, in the order in which they were recorded. */
  letters(): readonly StoredLetter[];
  /** Runs a database transaction, for example to insert rows for a test. Rejects with what `work` throws, after a rollback. */
  transaction<T>(work: (tx: MemoryTransaction) => T | Promise<T>): Promise<T>;
  /** Removes all rows, letters and ledger entries, once the transactions before it have ended. */
  clear(): Promise<void>;
}

/**
 * A database in the process's memory, for testing an application's rules and hooks. Constraints hold, and transactions commit or roll back, one after
 * the other. Nothing is kept when the process ends. Don't use it in production.
 *
 * @throws TypeError if the table descriptions contradict each other
 * @example
 * const store = memoryStore({
 *   tables: {
 *     lists: { columns: { id: "uuid", name: "text", owner_id: "text" } },
 *     todos: {
 *       columns: { id: "uuid", list_id: "uuid", description: { type: "text", nullable: false } },
 *       references: { list_id: "lists" },
 *     },
 *   },
 * });
 */
export function memoryStore({
  tables,
  transactionMs = 60_000,
  now = Date.now,
}: MemoryStoreOptions): MemoryStore {
  const definitions = defineMemoryTables(tables);
  const committed = emptyState(definitions);
  const counters = createCounters();
  const clock = createClock(now);
  let last: Promise<void> = Promise.resolve();

  /** Queues `run` behind everything that was queued before. */
  const inTurn = async <T>(run: () => Promise<T> | T): Promise<T> => {
    const before = last;
    let end: () => void = () => {};
    last = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    try {
      return await run();
    } finally {
      end();
    }
  };

  const begin = (
    options: UnitOptions,
    claims: readonly ClaimWithNames[],
  ): OpenedUnit & { commit(): void } => {
    const rows = new Map(
      Array.from(committed.rows, ([name, table]) => [name, overlay(table)] as const),
    );
    const own = {
      ledger: overlay(committed.ledger),
      devices: overlay(committed.devices),
      accounts: overlay(committed.accounts),
      named: overlay(committed.named),
      versions: overlay(committed.versions),
      letters: overlay(committed.letters),
      attempts: overlay(committed.attempts),
      checkpoints: overlay(committed.checkpoints),
    };
    const opened = openRows(definitions, rows, counters, options.deferConstraints === true);
    const open = openUnit({ definitions, rows: opened, own, now: clock(), options, claims });
    const commit = (): void => {
      open.end();
      for (const each of [...rows.values(), ...Object.values(own)]) (each as Committable).commit();
    };
    return { ...open, commit };
  };

  const unit: Store<MemoryTransaction>["unit"] = async (options, work) => {
    const { signal, timeouts, waitedMs = 0 } = options;
    const whole = timeouts?.transactionMs ?? transactionMs;
    const ms = whole - waitedMs;
    let open: ReturnType<typeof begin> | undefined;
    const deadline = createDeadline(ms, () => {
      open?.giveUp();
      return tookTooLong(whole);
    });
    const all = async () => {
      if (signal?.aborted) throw new CallerLeft();
      if (deadline.late !== undefined) throw deadline.late;
      const { claim, alongside = [] } = options;
      const claims: ClaimWithNames[] = [];
      for (const each of claim === undefined ? [] : [claim, ...alongside])
        claims.push({ ...each, names: await each.content.read() });
      const begun = begin(options, claims);
      open = begun;
      const result = await work(begun.unit);
      begun.commit();
      begun.announce();
      return result;
    };
    // After the time limit the next transaction begins, even if this one's work goes on.
    const running = inTurn(() =>
      Promise.race([all(), deadline.passed]).finally(() => open?.giveUp()),
    );
    try {
      return await Promise.race([running, deadline.passed]);
    } finally {
      deadline.end();
    }
  };

  const tableOf = (name: string): Definition => {
    const table = definitions.get(name);
    if (table === undefined) throw new TypeError(`memoryStore: there is no table ${name}.`);
    return table;
  };

  const store: MemoryStore = {
    name: "memory",
    connections: 1,
    place: "",
    get key() {
      return store;
    },
    scopeBuilder,
    isScope: (given) => typeof given === "function",
    rowSecurity: false,
    deferral: true,
    known: (name) => definitions.get(name),
    unit,
    meaning: meaningOf,
    convert,
    view,
    rows: (name) => {
      const table = tableOf(name);
      return Array.from(committed.rows.get(name)?.values() ?? [], (row) => viewRow(table, row));
    },
    letters: () => inOrder(committed.letters.values()),
    transaction: (work) => unit({}, async ({ tx }) => work(tx)),
    clear: () =>
      inTurn(() => {
        const { rows, ...own } = committed;
        for (const each of [...rows.values(), ...Object.values(own)]) each.clear();
      }),
  };
  return store;
}

type Committable = Pick<Overlay<never, object>, "commit">;

interface State {
  readonly rows: ReadonlyMap<string, Map<number, Row>>;
  readonly ledger: Map<string, LedgerRow>;
  readonly devices: Map<string, DeviceRow>;
  readonly accounts: Map<string, AccountRow>;
  readonly named: Map<string, NamedRecord>;
  readonly versions: Map<string, VersionRow>;
  readonly letters: Map<string, StoredRecord>;
  readonly attempts: Map<string, AttemptsRow>;
  readonly checkpoints: Map<string, { readonly checkpoint: bigint }>;
}

function emptyState(definitions: ReadonlyMap<string, Definition>): State {
  return {
    rows: new Map(Array.from(definitions.keys(), (name) => [name, new Map()])),
    ledger: new Map(),
    devices: new Map(),
    accounts: new Map(),
    named: new Map(),
    versions: new Map(),
    letters: new Map(),
    attempts: new Map(),
    checkpoints: new Map(),
  };
}

function createCounters(): Counters {
  const last = new Map<string, number>();
  return {
    next: (name) => {
      const number = (last.get(name) ?? 0) + 1;
      last.set(name, number);
      return number;
    },
    raise: (name, number) => void last.set(name, Math.max(last.get(name) ?? 0, number)),
  };
}

/** A clock in microseconds that never returns the same time twice. */
function createClock(now: () => number): () => number {
  let last = 0;
  return () => {
    last = Math.max(last + 1, Math.floor(now() * 1_000));
    return last;
  };
}

function tookTooLong(ms: number): Error {
  const cause = `The transaction had not ended after ${ms} ms, including the wait for those before it.`;
  return keptQueued("The database is taking too long right now.", new Error(cause));
}
