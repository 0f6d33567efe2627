/** Every option of `createWrites`. */
import type { IsolationLevel, Kysely } from "kysely";
import type { ClientSchema } from "../check/types.js";
import type { DeadLetterContext, FailureContext, OperationContext, Principal } from "../context.js";
import type { WriteEvent } from "../events/events.js";
import type { CorsOptions } from "../http/cors.js";
import type { Logger } from "../events/logger.js";
import type { DeadLetter, ErrorCode, FailedOperation, Write, WriteRequest } from "../model.js";
import type { Hooks, LayerReplacement, Layers } from "../pipeline/layers.js";
import type { Mutators } from "../pipeline/mutators.js";
import type { TableRule } from "../pipeline/table-rule.js";
import type { RlsOptions } from "../rls/rls.js";
import type { Letter } from "../store/letters.js";
import type { Store } from "../store/store.js";
import type { Telemetry } from "../events/telemetry.js";
import type { Limits, Timeouts } from "../wire/limits.js";

/** Every option of `createWrites`. */
export interface WritesConfig<P extends Principal, DB> {
  /**
   * Says who calls, or throws `unauthenticated()` (401) or `forbidden()` (403); anything else it throws is 503, and the device keeps its writes.
   * The principal's type is inferred from here. Where it comes after a property that uses the principal, annotate its parameter: `(request: WriteRequest) => …`.
   */
  readonly authenticate: (request: WriteRequest) => P | Promise<P>;
  /** The source database. */
  readonly database: DatabaseOption<NoInfer<P>, DB>;
  /** By the client's table names. Nothing else is writable. */
  readonly tables: Readonly<Record<string, TableRule<NoInfer<P>, NoInfer<DB>>>>;
  /**
   * The client's schema: a `Schema` of PowerSync's SDK, or what its `toJSON()` gives. A rule whose `conflict` needs what the client's table does not track
   * (`trackPrevious`) is then refused at the start; and `check()` takes it where it is given none. Default: nothing is known of it.
   */
  readonly schema?: ClientSchema;
  /**
   * Named mutations, by their names. A device sends one as a PUT into its insert-only table `powersync_mutations`: see `createMutators` of
   * `powersync-writes/client`. Default: none.
   */
  readonly mutators?: Mutators<NoInfer<P>, NoInfer<DB>>;
  /** Where the endpoint is. `false`: whatever the host routes here. Default `/api/data`. */
  readonly path?: string | false;
  /** For callers that are web pages of other origins. Default: none are answered. */
  readonly cors?: CorsOptions;
  readonly hooks?: Hooks<NoInfer<P>, NoInfer<DB>> | readonly Hooks<NoInfer<P>, NoInfer<DB>>[];
  readonly validate?: Replacement<P, DB, "validate">;
  readonly map?: Replacement<P, DB, "map">;
  /** Added to the table rules; it can refuse what they allow, never allow what they refuse. */
  readonly authorize?: (
    write: Write,
    context: OperationContext<NoInfer<P>, NoInfer<DB>>,
  ) => void | Promise<void>;
  readonly persist?: Replacement<P, DB, "persist">;
  readonly deadLetter?: Replacement<P, DB, "deadLetter">;
  /** After a fatal answer the rest of the batch is not attempted (`stop`, default), or goes on (`skip`). */
  readonly onFatal?: "stop" | "skip";
  /**
   * Whether each transaction is committed by itself (default), or those of a request together. Together they cost one commit; where anything is not plainly
   * good, all are undone, and each is tried by itself. They see one `now()`. Those that touch constraints that wait for COMMIT are committed one by one.
   */
  readonly commit?: "per-transaction" | "per-request";
  /** Row-level security: as which role the data is written, and what its policies get to know. Postgres and PGlite. Default: the login role, and nothing. */
  readonly rls?: RlsOptions<NoInfer<P>>;
  /** Of the database transactions. Default: what the database has, but `read committed` on MySQL and MariaDB. */
  readonly isolation?: IsolationLevel;
  /**
   * Postgres: whether transactions may be answered before they are safe on disk, where `synchronous_commit` is `off`. A crash then takes with it what
   * devices have been told is written. Default false: the library's own transactions set it to `on` where it is `off`.
   */
  readonly asynchronousCommit?: boolean;
  /**
   * Whether constraints that can wait are checked at COMMIT, and not with each statement: a child before its parent, two unique positions swapped.
   * Postgres and PGlite: those declared `deferrable`; SQLite: every foreign key. MySQL and MariaDB have none that can. Default false.
   */
  readonly deferConstraints?: boolean;
  readonly timeouts?: Partial<Timeouts>;
  readonly limits?: Partial<Limits>;
  /** `false`: nothing is remembered, and a transaction whose answer was lost is applied again when the device repeats it. */
  readonly ledger?: false | LedgerOptions<NoInfer<P>>;
  /**
   * When a transaction that keeps failing in a passing way becomes a dead letter, RETRIES_EXHAUSTED, so that it no longer holds up its queue.
   * `false`: never. Outages and contention don't count, and nothing is parked unless another transaction has been applied in between.
   */
  readonly parking?: false | ParkingOptions;
  /**
   * The routes for checkpoints of one's own: `PUT {path}/checkpoint` and `POST {path}/checkpoint-request`. For uploads that reach the source
   * database later than they are answered; the checkpoints that PowerSync manages need nothing here. PowerSync's cloud and enterprise editions read them, its open-source service does not. Default false.
   */
  readonly checkpoints?: boolean;
  readonly deadLetters?: DeadLettersOptions<NoInfer<P>, NoInfer<DB>>;
  /**
   * What error codes of the database mean to the application: an error code of its own, with which the transaction is fatal, or `"retryable"`.
   * By SQLSTATE, the class of one, error number, or SQLite's result code; the most exact one counts. For what triggers raise
   * (`{ PT402: "QUOTA_EXCEEDED" }`), and where an operator knows better. What may pass by itself (a connection, others in the way, an outcome that is not
   * known) can't be made fatal.
   */
  readonly errors?: Readonly<Record<string, ErrorCode | "retryable">>;
  /** Where the library's own tables are, if not where `createTables(db)` alone makes them. */
  readonly ownTables?: OwnTablesOptions;
  /** Where warnings and errors go, one line each. `false`: nowhere. Default: the console, which is given warnings and errors alone. */
  readonly logger?: false | Logger;
  /** For machines: every event, as data. */
  readonly onEvent?: (event: WriteEvent) => void;
  /** Traces and metrics: what `otel()` of `powersync-writes/otel` gives. Default: none. */
  readonly telemetry?: Telemetry;
}

/**
 * A `Kysely` object, or a store such as the memory store; or, for a database per tenant, a function that gives the caller's.
 * The process remembers a database (its schema, what is in flight, who is refused) by the object that is given here or that the function returns.
 * Where that object is made anew for each request, say by what to remember it: `{ open, key }`.
 */
export type DatabaseOption<P extends Principal, DB> =
  | DatabaseObject<DB>
  | ((principal: P) => DatabaseObject<DB> | Promise<DatabaseObject<DB>>)
  | KeyedDatabase<P, DB>;

type DatabaseObject<DB> = Kysely<DB> | StoreFor<DB>;

/** A store whose hooks get the `tx` that `DB` says. */
type StoreFor<DB> = Omit<Store, "native"> & { readonly native?: DB };

/** A database whose object is made anew each time. */
export interface KeyedDatabase<P extends Principal, DB> {
  readonly open: (principal: P) => DatabaseObject<DB> | Promise<DatabaseObject<DB>>;
  /** Names the database: the same for those who share one with the same tables, another one for each that is another, also where two share a pool. */
  readonly key: (principal: P) => string;
}

/** The option `ledger`: how long answers are remembered, and by what a device is known. */
export interface LedgerOptions<P extends Principal> {
  /** How long an answer is remembered, at least. What a device sent last is remembered until a later request brings something new. Default 90. */
  readonly retentionDays?: number;
  /** Whether the library prunes the ledger itself, about once an hour in each process, behind an upload. Default true. See `Writes.prune`. */
  readonly prune?: boolean;
  /**
   * Devices of one user that the ledger keeps. For one more, one goes that has not come for `retentionDays`; where there is none, the new one
   * is answered 429 with Retry-After. `Infinity` for no bound. Default 1,000.
   */
  readonly devices?: number;
  /**
   * Which device it is, for clients that send no `client_id`, as PowerSync's own connectors don't: a claim of the token that is the same from sign-in
   * to sign-out (`sessionClaim(…)` of `powersync-writes/jwt`), or a header of the app's own. Never a claim that changes when a token is renewed.
   * Called outside the database transaction. `undefined`: it can't be told. What it throws is retryable. Default: it can't be told.
   */
  readonly device?: (
    request: WriteRequest | undefined,
    principal: P,
  ) => string | undefined | Promise<string | undefined>;
  /**
   * How long, in days, a repeat is known by its transaction id and content, where nothing else tells: without a device, and in a device's first
   * transactions. It is one only while no other transaction of the user has named one of its rows since. Default 1.
   */
  readonly contentDays?: number;
}

/** Both must be reached. */
export interface ParkingOptions {
  /** Since its first failure. Default 24. */
  readonly afterHours?: number;
  /** Failures, at least 2. Default 20. */
  readonly attempts?: number;
}

/** What becomes of a transaction that is answered fatally, and how its letter is kept and retried. */
export interface DeadLettersOptions<P extends Principal, DB> {
  /**
   * True: the client decides what becomes of the transaction; no letter is recorded, and the batch ends. If it throws, the answer is retryable.
   * The ledger keeps the answer for clients that send `handling`.
   */
  readonly requiresClientHandling?: (
    failure: FailedOperation,
    context: FailureContext<P>,
  ) => boolean | Promise<boolean>;
  /** A copy for elsewhere, after the letter has been committed. Its failure changes no answer. */
  readonly onRecorded?: (letter: DeadLetter) => void | Promise<void>;
  /**
   * A table of the application's own, which syncs back to the device, so that it can say what was refused. A row is written with each dead
   * letter, in its transaction. Default: none.
   */
  readonly rejections?: RejectionOptions<P, DB>;
  /**
   * Letters of one user that may wait at once; of one device, half of them. Beyond it nothing is recorded and the transaction stays on the
   * device: 429 with Retry-After. A letter and its dependants count as one; as many dependants as this may wait behind one letter. `Infinity` for
   * no bound. Default 1,000.
   */
  readonly open?: number;
  /** The same, in bytes of their payloads. The letter that goes beyond it is still recorded. Default 64 MiB. */
  readonly openBytes?: number;
  /** How long a letter is kept after it was retried or discarded. `Infinity` for ever. Default 90. */
  readonly keepClosedDays?: number;
  /** Whether a letter keeps what `authenticate` gave beyond the user id. Default true. */
  readonly keepPrincipal?: boolean;
  /** As whom a letter is retried. Default: as the principal that it keeps. Its `userId` must be the letter's. */
  readonly principal?: (letter: Letter) => P | Promise<P>;
}

/** The option `deadLetters.rejections`: rows that tell a device what was refused. */
export interface RejectionOptions<P extends Principal, DB> {
  /** In the database's words. */
  readonly table: string;
  /**
   * The row by its columns; nothing, where there shall be none. With an `id`, a row that has it is left as it is. Values are converted by the
   * columns' types. Default: `usual`, as far as the table has the columns.
   */
  readonly row?: (
    letter: DeadLetter,
    context: DeadLetterContext<P, DB>,
    usual: RejectionRow,
  ) => RowOrNothing | Promise<RowOrNothing>;
}

type RowOrNothing = Readonly<Record<string, unknown>> | null | undefined;

/** What a rejection usually tells. Text that came from the device has U+FFFD for what no database stores. */
export interface RejectionRow extends Readonly<Record<string, unknown>> {
  /** The letter's. */
  readonly id: string;
  readonly user_id: string | null;
  readonly client_id: string | null;
  readonly error_code: string | null;
  /** Safe to show. */
  readonly message: string | null;
  /** The client's name of it. NULL, like the next two, where the failure belongs to no single operation. */
  readonly table_name: string | null;
  readonly row_id: string | null;
  /** From 0. */
  readonly operation_index: number | null;
  /** The letter that it depends on; NULL where it depends on none. */
  readonly root_id: string | null;
  /** ISO 8601. */
  readonly created_at: string;
}

/** A table of the library's own, by its default name. */
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

/** Where the library's own tables are. The same for `createTables` and for `createWrites`. */
export interface OwnTablesOptions {
  /** The schema that they are in, or on MySQL the database. It must exist. Default: the connection's own. */
  readonly schema?: string;
  /** Names other than the default ones: `{ powersync_ledger: "app_ledger" }`. */
  readonly names?: Partial<Readonly<Record<OwnTable, string>>>;
}

type Replacement<
  P extends Principal,
  DB,
  Name extends "validate" | "map" | "persist" | "deadLetter",
> = LayerReplacement<Layers<NoInfer<P>, NoInfer<DB>>[Name]>;
