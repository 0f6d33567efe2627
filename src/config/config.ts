/** Every option of `createWrites`. */
import type { IsolationLevel, Kysely } from "kysely";
import type { ClientSchema } from "../check/client-schema.js";
import type { OperationContext, Principal } from "../context.js";
import type { WriteEvent } from "../events/events.js";
import type { CorsOptions } from "../http/cors.js";
import type { Logger } from "../events/logger.js";
import type { ErrorCode, Write, WriteRequest } from "../model.js";
import type { Hooks, LayerReplacement, Layers } from "../pipeline/layers.js";
import type { Mutators } from "../pipeline/mutators.js";
import type { TableRule } from "../pipeline/table-rule.js";
import type { RlsOptions } from "../rls/rls.js";
import type { Store } from "../store/store.js";
import type { Telemetry } from "../events/emit.js";
import type { Limits, Timeouts } from "../wire/limits.js";
import type { DeadLettersOptions } from "./letter-options.js";

/**
 * Every option of `createWrites`. `authenticate`, `database` and `tables` are required. An unknown option, a value of the wrong kind, and
 * options that contradict each other are a TypeError at the start that names the option and says what to write.
 *
 * @example
 * const writes = createWrites({
 *   authenticate: jwt({ jwksUri, issuer, audience }),
 *   database: new Kysely({ dialect: new PostgresDialect({ pool }) }),
 *   tables: { lists: { owner: "owner_id" } },
 * });
 */
export interface WritesConfig<P extends Principal, DB> {
  /**
   * Returns the verified caller, with at least a `userId`: `jwt({ … })`, or a function of your own. It throws `unauthenticated()` for a 401 or
   * `forbidden()` for a 403. Any other error is answered 503, and the device keeps its writes.
   *
   * The type of the principal is inferred from this function. If it stands after a property that uses the principal, annotate its parameter:
   * `(request: WriteRequest) => …`.
   */
  readonly authenticate: (request: WriteRequest) => P | Promise<P>;
  /** The source database: a `Kysely` object, or a function of the principal that returns one. */
  readonly database: DatabaseOption<NoInfer<P>, DB>;
  /**
   * A rule for each table that clients may write, by the table's name in the client's schema. A write to any other table is fatal `UNKNOWN_TABLE`.
   * A rule that does not say who may write the table is a TypeError.
   */
  readonly tables: Readonly<Record<string, TableRule<NoInfer<P>, NoInfer<DB>>>>;
  /**
   * The client's schema: a `Schema` of PowerSync's SDK, or the result of its `toJSON()`. With it, `createWrites` throws a TypeError for a `conflict`
   * that needs something that the client's table does not track (`trackPrevious`), and `check()` uses it if it is given no schema. Default: none.
   */
  readonly schema?: ClientSchema;
  /**
   * Functions that clients call by name, for changes that are more than rows. A device sends a call as a PUT into its insert-only table
   * `powersync_mutations`: see `createMutators` of `powersync-writes/client`. Default: none.
   */
  readonly mutators?: Mutators<NoInfer<P>, NoInfer<DB>>;
  /** The path of the endpoint, beginning with `/`. `false`: the endpoint is wherever the host routes requests to it. Default `/api/data`. */
  readonly path?: string | false;
  /** Lets web pages of other origins upload: `{ origins: ["https://app.example.com"] }`. Default: no other origin may. */
  readonly cors?: CorsOptions;
  /** Functions that run before or after a layer, and after the commit. In a list, `before` hooks run in order and `after` hooks in reverse. Default: none. */
  readonly hooks?: Hooks<NoInfer<P>, NoInfer<DB>> | readonly Hooks<NoInfer<P>, NoInfer<DB>>[];
  /** Replaces the layer that turns a parsed body into transactions; `next` runs the default. `map`, `persist` and `deadLetter` are of the same form. */
  readonly validate?: Replacement<P, DB, "validate">;
  /** Replaces the layer that turns an operation into a write. `null` leaves the operation out, which counts as success. */
  readonly map?: Replacement<P, DB, "map">;
  /** Judges each write of every table, in addition to the table's rule. It refuses by a throw, and can't allow what the rule refuses. Default: none. */
  readonly authorize?: (
    write: Write,
    context: OperationContext<NoInfer<P>, NoInfer<DB>>,
  ) => void | Promise<void>;
  /** Replaces the layer that writes a row. The scope is part of the default's statements, so a write that does not go through `next` must be checked by you. */
  readonly persist?: Replacement<P, DB, "persist">;
  /** Replaces the layer that stores a dead letter. It must store the letter durably before it returns: the fatal answer relies on it. */
  readonly deadLetter?: Replacement<P, DB, "deadLetter">;
  /** What happens to the rest of a batch after a fatal answer: `"stop"` (default) leaves it not attempted, and `"skip"` continues with it. */
  readonly onFatal?: "stop" | "skip";
  /**
   * `"per-transaction"` (default) commits each transaction by itself. `"per-request"` commits those of a request together, which costs one commit. If
   * any of them fails, or may be a repeat, all are undone and each is tried by itself. Transactions that are committed together see one `now()`.
   * Transactions that touch constraints that are checked at COMMIT are committed one by one. Use `"per-request"` where devices upload long queues.
   */
  readonly commit?: "per-transaction" | "per-request";
  /** Row-level security, on Postgres and PGlite: the role that writes the data, and the claims that policies read. Default: the login role, and no claims. */
  readonly rls?: RlsOptions<NoInfer<P>>;
  /** The isolation level of the database transactions. Default: the database's own, but `read committed` on MySQL and MariaDB. */
  readonly isolation?: IsolationLevel;
  /**
   * Postgres with `synchronous_commit = off`: `true` keeps it off. A crash may then lose changes that devices have been told are written. With
   * `false`, the default, the library sets it to `on` in its transactions.
   */
  readonly asynchronousCommit?: boolean;
  /**
   * Whether constraints that can wait are checked at COMMIT, not with each statement. Use it to write a child before its parent, or to swap two
   * unique positions. Postgres and PGlite: constraints declared `deferrable`. SQLite: every foreign key. A TypeError on MySQL and
   * MariaDB, which have no such constraints. Default false.
   */
  readonly deferConstraints?: boolean;
  /** How long each step may take, in milliseconds: `{ statementMs: 5_000 }`. After that time the answer is retryable. Other values are a TypeError. */
  readonly timeouts?: Partial<Timeouts>;
  /** What callers may send, and how much of it at once: `{ concurrentTransactions: 20 }`. A TypeError unless it is a whole number above 0, or Infinity. */
  readonly limits?: Partial<Limits>;
  /** How long answers are remembered. `false`: not at all, so that a transaction whose answer was lost is applied again when the device repeats it. */
  readonly ledger?: false | LedgerOptions<NoInfer<P>>;
  /**
   * When a transaction that keeps failing with retryable errors becomes a dead letter, `RETRIES_EXHAUSTED`, so that it no longer blocks its queue.
   * `false`: never. Failures from outages and contention don't count, and nothing is parked unless another transaction has been applied since the last failure.
   */
  readonly parking?: false | ParkingOptions;
  /**
   * `true` adds routes for checkpoints of your own: `PUT {path}/checkpoint` and `POST {path}/checkpoint-request`. Use them if uploads reach the source
   * database later than they are answered. PowerSync's cloud and enterprise editions read such checkpoints; its open-source service does not.
   * Default false: PowerSync manages the checkpoints.
   */
  readonly checkpoints?: boolean;
  /** How fatal failures are handled, and how dead letters are limited, kept and retried. */
  readonly deadLetters?: DeadLettersOptions<NoInfer<P>, NoInfer<DB>>;
  /**
   * What error codes of the database mean to the application: an error code of its own, with which the transaction is fatal, or `"retryable"`. Use it
   * for errors that triggers raise, or to override the library's tables. Keys are SQLSTATEs, classes of SQLSTATEs (two characters), error numbers, or
   * SQLite's result codes; the most specific key applies. A TypeError for a code that may pass by itself (a lost connection, a conflict with other
   * transactions, an unknown outcome): it can't be made fatal.
   *
   * @example
   * errors: { PT402: "QUOTA_EXCEEDED" } // raise exception 'quota' using errcode = 'PT402'
   */
  readonly errors?: Readonly<Record<string, ErrorCode | "retryable">>;
  /** The schema and names of the library's own tables. Give the same to `createTables`. Default: the connection's schema, and the default names. */
  readonly ownTables?: OwnTablesOptions;
  /** Where warnings and errors are written, one line each: the console (default), pino, Nest's `Logger`. `false`: nowhere. */
  readonly logger?: false | Logger;
  /** Called with every event as data, for metrics and alerts, whatever `logger` is. It must not wait. */
  readonly onEvent?: (event: WriteEvent) => void;
  /** Traces and metrics: the result of `otel()` from `powersync-writes/otel`. Default: none. */
  readonly telemetry?: Telemetry;
}

/**
 * A `Kysely` object, or a store such as the memory store. For a database per tenant: a function that returns the caller's.
 *
 * The process remembers what it knows of a database (its schema, transactions in progress, callers who are refused) by the object that is given here
 * or that the function returns. The function must therefore return the same object for the same database. If a new object is made for each
 * request, name the database with `{ open, key }`.
 *
 * @example
 * const database = (principal: Caller) => databaseOf(principal.tenant);
 */
export type DatabaseOption<P extends Principal, DB> =
  | DatabaseObject<DB>
  | ((principal: P) => DatabaseObject<DB> | Promise<DatabaseObject<DB>>)
  | KeyedDatabase<P, DB>;

type DatabaseObject<DB> = Kysely<DB> | StoreFor<DB>;

/** A store whose hooks get the `tx` that `DB` says. */
type StoreFor<DB> = Omit<Store, "native"> & { readonly native?: DB };

/** A database whose `Kysely` object is created for each request, as on Cloudflare Workers. */
export interface KeyedDatabase<P extends Principal, DB> {
  /** Makes the object. */
  readonly open: (principal: P) => DatabaseObject<DB> | Promise<DatabaseObject<DB>>;
  /** The name of the database. Callers get the same name if they share a database and its tables; two databases need two names, even if they share a pool. */
  readonly key: (principal: P) => string;
}

/** The option `ledger`: how long answers are remembered, and how a device is recognized. */
export interface LedgerOptions<P extends Principal> {
  /**
   * Days for which an answer is remembered, at least: a number above 0. A device's last request is remembered as a whole until a later request
   * brings something new. Default 90.
   */
  readonly retentionDays?: number;
  /**
   * Whether the library prunes the ledger itself, about once an hour in each process, after an upload. Set `false` where processes are too short-lived,
   * and call `writes.prune()` from a job. Default true.
   */
  readonly prune?: boolean;
  /**
   * How many devices of one user the ledger keeps: a whole number above 0, or `Infinity`. A new device replaces one that has received no answer for
   * `retentionDays`. If there is none, the new device is answered 429 with Retry-After. Default 1,000.
   */
  readonly devices?: number;
  /**
   * Says which device sends the request, for clients that send no `client_id`, such as PowerSync's own connectors: by a header of the app's own, or by a
   * claim that stays the same from sign-in to sign-out (`sessionClaim(…)` of `powersync-writes/jwt`). Never use a claim that changes when a token is renewed.
   * `request` is undefined if a route of your own calls `processTransaction`. `undefined` means that the device is unknown, which is the default.
   * The function is called outside the database transaction; if it throws, the answer is retryable.
   *
   * @example
   * ledger: { device: (request) => request?.headers.get("x-device-id") ?? undefined }
   */
  readonly device?: (
    request: WriteRequest | undefined,
    principal: P,
  ) => string | undefined | Promise<string | undefined>;
  /**
   * Days for which a repeat is recognized by its transaction id and content, if nothing else identifies it: without a device, and in a device's first
   * transactions. It counts as a repeat only if no other transaction of the user has named one of its rows since. Default 1.
   */
  readonly contentDays?: number;
}

/** The option `parking`: a transaction is parked when both thresholds are reached. */
export interface ParkingOptions {
  /** Hours since its first failure: not negative. Default 24. */
  readonly afterHours?: number;
  /** Its failures: a whole number, at least 2. Default 20. */
  readonly attempts?: number;
}

/** The default name of one of the library's own tables. */
export type OwnTable =
  | "powersync_ledger"
  | "powersync_devices"
  | "powersync_accounts"
  | "powersync_named"
  | "powersync_versions"
  | "powersync_dead_letters"
  | "powersync_letter_parts"
  | "powersync_letter_rows"
  | "powersync_checkpoints"
  | "powersync_attempts"
  | "powersync_migrations";

/**
 * Where the library's own tables are. Give the same to `createTables` and to `createWrites`.
 *
 * @example
 * const ownTables = { schema: "sync", names: { powersync_ledger: "ledger" } };
 */
export interface OwnTablesOptions {
  /** The schema that contains them; on MySQL and MariaDB, the database. It must exist. Default: the connection's own. */
  readonly schema?: string;
  /** Their names, by the default names. A table that is not listed keeps its default name. */
  readonly names?: Partial<Readonly<Record<OwnTable, string>>>;
}

type Replacement<
  P extends Principal,
  DB,
  Name extends "validate" | "map" | "persist" | "deadLetter",
> = LayerReplacement<Layers<NoInfer<P>, NoInfer<DB>>[Name]>;
