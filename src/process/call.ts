/** A verified caller's request, as the transactions in it see it: who calls, which database the data goes to, and what the process remembers of that database. */
import type { CallContext, CommittedContext, Principal } from "../context.js";
import type { Content } from "../store/content.js";
import type { DatabaseCaller, DeviceBound, Store } from "../store/store.js";
import type { DatabaseOption, KeyedDatabase } from "../config.js";
import { byDatabase } from "../store/by-database.js";
import type { TransactionResult } from "../model.js";
import type { PoliciesSeen } from "../rls/gate.js";
import type { Places } from "./places.js";

export interface Call<P extends Principal> extends CallContext<P> {
  readonly store: Store;
  readonly memory: Memory;
  /** What hooks outside the database transaction may know of it. */
  readonly shown: CommittedContext<P>;
  /** With `rls`: as whom its data is written. Ledger and dead letters are the login role's. */
  readonly caller?: DatabaseCaller;
  readonly clientId?: string;
  /** Where the client sends no id: what `ledger.device` says. */
  readonly device?: string;
  readonly queueId?: string;
  /** Who else writes than the queue, where what it sent has been edited since. */
  readonly writer?: string;
  /** How long content tells transactions apart, and who hears that it has. */
  readonly content: Pick<Content, "withinMs" | "decided">;
  /** Without: transactions have no identity. */
  readonly ledger: boolean;
  /** A random uuid. */
  readonly requestId: string;
  /** When it came, by `performance.now()`: nothing is refused by what was read of the schema before. */
  readonly requestBegan: number;
  /** How many of the caller's queues the ledger keeps. */
  readonly devices?: DeviceBound;
  /** False for clients that read the HTTP status alone: what fails fatally is always recorded. */
  readonly clientCanHandle: boolean;
  /** See `TransactionContext`. */
  readonly lossyNumbers: boolean;
}

/** Leaves out what is the library's own. */
export function shownContext<P extends Principal>(
  { correlationId, traceparent, signal, request, principal }: CallContext<P>,
  clientId: string | undefined,
): CommittedContext<P> {
  return {
    correlationId,
    ...(traceparent !== undefined && { traceparent }),
    signal,
    principal,
    ...(request && { request }),
    ...(clientId !== undefined && { clientId }),
  };
}

/** Makes a store of what the configuration gives. Rejects with a TypeError for what is no database that the library supports. */
export type OpenStore = (database: object, key: object | string) => Promise<Store>;

/** The gate to a database. */
export type PlacesIn = (store: Pick<Store, "connections">) => Places;

/** A database, and what the process remembers of it. */
export interface Database {
  readonly store: Store;
  readonly memory: Memory;
}

export interface Databases<P extends Principal> {
  /** Throws what the application's own function throws. */
  of(principal: P): Promise<Database>;
  /** The same where it may not be known whose: `undefined` without a principal, where the database depends on one. */
  whose(principal: P | undefined): Promise<Database | undefined>;
  /** @throws TypeError where the database depends on the principal, and there is none */
  sure(principal: P | undefined): Promise<Database>;
}

export function createDatabases<P extends Principal, DB>(
  database: DatabaseOption<P, DB>,
  open: OpenStore,
  placesIn: PlacesIn,
): Databases<P> {
  const memories = byDatabase((store: Store) => createMemory(placesIn(store)));
  const opened = new WeakMap<object, Promise<Database>>();

  const remembered = async (opening: Store | Promise<Store>): Promise<Database> => {
    const store = await opening;
    return { store, memory: memories.of(store) };
  };

  /** One store for each object, so that the object is what the process remembers by. */
  const byItself = (given: object): Promise<Database> => {
    const known = opened.get(given);
    if (known !== undefined) return known;
    const database = remembered(isStore(given) ? given : open(given, given));
    opened.set(given, database);
    // What could not be opened, may be openable the next time.
    database.catch(() => opened.delete(given));
    return database;
  };

  const of = async (principal: P): Promise<Database> => {
    if (typeof database === "function") return byItself(await database(principal));
    if (!isKeyed(database)) return byItself(database);
    const key: unknown = database.key(principal);
    if (typeof key !== "string") throw new TypeError("database: `key` must give a string.");
    return remembered(open(await database.open(principal), key));
  };

  const whose = async (principal: P | undefined): Promise<Database | undefined> => {
    if (principal !== undefined) return of(principal);
    return typeof database === "function" || isKeyed(database) ? undefined : byItself(database);
  };

  return {
    of,
    whose,
    sure: async (principal) => {
      const found = await whose(principal);
      if (found === undefined) {
        throw new TypeError("`database` depends on the principal: say whose by `{ principal }`.");
      }
      return found;
    },
  };
}

export function isStore(given: object): given is Store {
  return "unit" in given && typeof given.unit === "function";
}

export function isKeyed<P extends Principal, DB>(
  given: DatabaseOption<P, DB>,
): given is KeyedDatabase<P, DB> {
  return typeof given === "object" && "open" in given && typeof given.open === "function";
}

export interface Memory {
  /** Who is in the database now. See `places.ts`. */
  readonly places: Places;
  /** Identical transactions in flight, by identity and how often the client has been asked. See `joinFlight` in `transaction.ts`. */
  readonly inFlight: Map<string, Promise<TransactionResult>>;
  /** Whose transactions are not sent as a whole for a while. */
  readonly grounded: Map<string, { skipped: number; toSkip: number; at: number }>;
  /** Until when devices with too many dead letters are refused, by their queue. See `dead-letters/quota.ts`. */
  readonly refused: Map<string, number>;
  /** When a transaction was last applied. See `parking.ts`. */
  appliedAt: number | undefined;
  /** What this process knows to have failed, and forgets when it is applied. See `parking.ts`. */
  readonly failing: Set<string>;
  /** When the ledger is to be pruned next. See `pruning.ts`. */
  pruneAt: number | undefined;
  /** How far the last run has come in the ledger, where it did not come to the end. */
  prunedTo: string | undefined;
  /** What has been found of the policies, by role. See `rls/gate.ts`. */
  readonly policies: Map<string, PoliciesSeen>;
  /** Whether it has been said what is wrong with the server's settings. See `check/ready.ts`. */
  warned: boolean;
  /** How often `check()` has been begun behind an upload, and until when it is not begun again. See `check/self-check.ts`. */
  readonly selfCheck: { tries: number; until: number };
  /** Readiness that is being looked at, by role. See `check/ready.ts`. */
  readonly looking: Map<string, Promise<readonly string[]>>;
}

export function createMemory(places: Places): Memory {
  return {
    places,
    inFlight: new Map(),
    grounded: new Map(),
    refused: new Map(),
    appliedAt: undefined,
    failing: new Set(),
    pruneAt: undefined,
    prunedTo: undefined,
    policies: new Map(),
    warned: false,
    selfCheck: { tries: 0, until: -Infinity },
    looking: new Map(),
  };
}
