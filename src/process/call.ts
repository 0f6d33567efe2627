/** A verified caller's request as its transactions see it: the caller, the database, and what the process remembers about that database. */
import type { CallContext, CommittedContext, Principal } from "../context.js";
import type { DatabaseCaller, Store } from "../store/store.js";
import type { DeviceBound, Content } from "../store/ledger.js";
import type { DatabaseOption, KeyedDatabase } from "../config/config.js";
import { byDatabase } from "../store/by-database.js";
import type { TransactionResult } from "../model.js";
import type { PoliciesSeen } from "../rls/gate.js";
import type { Places } from "./places.js";

export interface Call<P extends Principal> extends CallContext<P> {
  readonly store: Store;
  readonly memory: Memory;
  /** The context of hooks that run outside the database transaction. */
  readonly shown: CommittedContext<P>;
  /** With `rls`: the caller as whom the data is written. The ledger and the dead letters are written as the login role. */
  readonly caller?: DatabaseCaller;
  readonly clientId?: string;
  /** What `ledger.device` returns, if the client sends no id. */
  readonly device?: string;
  readonly queueId?: string;
  /** Set for the retry of an edited letter: conflict rules then take it for another writer than the queue. */
  readonly writer?: string;
  /** For how long content tells transactions apart, and what to call when it has decided. */
  readonly content: Pick<Content, "withinMs" | "decided">;
  /** If false, transactions have no identity. */
  readonly ledger: boolean;
  /** A random uuid. */
  readonly requestId: string;
  /** When the request came, by `performance.now()`. Nothing is refused because of a schema that was read earlier. */
  readonly requestBegan: number;
  /** How many of the caller's queues the ledger keeps. */
  readonly devices?: DeviceBound;
  /** False for clients that read only the HTTP status: their fatal failures are always recorded. */
  readonly clientCanHandle: boolean;
  /** See `TransactionContext`. */
  readonly lossyNumbers: boolean;
}

/** The part of a call's context that hooks may see. */
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

/** Makes a store for a database that the configuration gives. Rejects with a TypeError if the library does not support it. */
export type OpenStore = (database: object, key: object | string) => Promise<Store>;

/** Makes the gate of a database: see `places.ts`. */
export type PlacesIn = (store: Pick<Store, "connections">) => Places;

/** A database, and what the process remembers about it. */
export interface Database {
  readonly store: Store;
  readonly memory: Memory;
}

export interface Databases<P extends Principal> {
  /** The principal's database. Throws what the application's own function throws. */
  of(principal: P): Promise<Database>;
  /** The same if there may be no principal. `undefined`: there is none, and the database depends on it. */
  whose(principal: P | undefined): Promise<Database | undefined>;
  /** @throws TypeError if the database depends on the principal, and there is none */
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

  /** Opens one store for each object, so that what the process remembers belongs to the object. */
  const byItself = (given: object): Promise<Database> => {
    const known = opened.get(given);
    if (known !== undefined) return known;
    const database = remembered(isStore(given) ? given : open(given, given));
    opened.set(given, database);
    // The next call may be able to open it.
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
        throw new TypeError("`database` depends on the principal: pass it as `{ principal }`.");
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

/** By sender: how many of the next transactions are not tried, how many of these are left, and when the latest failure was, by `performance.now()`. */
export type FailedSenders = Map<string, { skipped: number; toSkip: number; at: number }>;

export interface Memory {
  /** Limits who may be in the database at once. See `places.ts`. */
  readonly places: Places;
  /** Transactions under way, by identity and `handling`, for which identical ones wait. See `shareExecution` in `transaction.ts`. */
  readonly executing: Map<string, Promise<TransactionResult>>;
  /** Senders whose changes failed when they were written together. See `together.ts`. */
  readonly undone: FailedSenders;
  /** Senders whose transactions could not be entered when they were sent as a whole: repeats, or the user has letters that wait. */
  readonly notEntered: FailedSenders;
  /** By queue: until when a device with too many dead letters is refused. See `dead-letters/quota.ts`. */
  readonly refused: Map<string, number>;
  /** When a transaction was last applied. See `parking.ts`. */
  appliedAt: number | undefined;
  /** Transactions whose failures this process has counted, until they are applied. See `parking.ts`. */
  readonly failing: Set<string>;
  /** When the ledger is to be pruned next. See `pruning.ts`. */
  pruneAt: number | undefined;
  /** How far the last pruning of the ledger got, if it did not reach the end. */
  prunedTo: string | undefined;
  /** By role: what has been read of the row-level security policies. See `rls/gate.ts`. */
  readonly policies: Map<string, PoliciesSeen>;
  /** Whether problems of the server's settings have been reported. See `check/ready.ts`. */
  warned: boolean;
  /** How often `check()` has been started after an upload, and until when it is not started again. See `check/self-check.ts`. */
  readonly selfCheck: { tries: number; until: number };
  /** By role: readiness checks under way. See `check/ready.ts`. */
  readonly looking: Map<string, Promise<readonly string[]>>;
}

export function createMemory(places: Places): Memory {
  return {
    places,
    executing: new Map(),
    undone: new Map(),
    notEntered: new Map(),
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
