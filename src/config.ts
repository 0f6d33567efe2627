/** What an application says, and what it becomes. */
import type { IsolationLevel, Kysely } from "kysely";
import type { CorsOptions } from "./http/cors.js";
import type { WriteEvent } from "./events.js";
import type {
  CallContext,
  DeadLetterContext,
  Hooks,
  LayerReplacement,
  Layers,
  OperationContext,
  Principal,
} from "./pipeline/layers.js";
import type { DeadLettersOptions } from "./dead-letters/types.js";
import type { Limits, Timeouts } from "./wire/limits.js";
import type { OwnTablesOptions } from "./sql/tables.js";
import type { DeadLetter, FailedOperation, Write, WriteRequest } from "./model.js";
import type { RlsOptions } from "./rls/rls.js";
import type { TableRule } from "./table-rule.js";

export interface WritesConfig<P extends Principal, DB> {
  /**
   * Says who calls, or throws `unauthenticated()` (401) or `forbidden()` (403); anything else it throws is 503, and the device keeps its writes.
   * The principal's type is inferred from here. Where it comes after a property that uses the principal, annotate its parameter: `(request: WriteRequest) => …`.
   */
  readonly authenticate: (request: WriteRequest) => P | Promise<P>;
  /** The source database; or, for a database per tenant, a function that gives the caller's. */
  readonly database: Kysely<DB> | ((principal: NoInfer<P>) => Kysely<DB> | Promise<Kysely<DB>>);
  /** By the client's table names. Nothing else is writable. */
  readonly tables: Readonly<Record<string, TableRule<NoInfer<P>, NoInfer<DB>>>>;
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
  /** True: the client decides what becomes of the transaction; nothing is recorded, and the batch ends. If it throws, the answer is retryable. */
  readonly requiresClientHandling?: (
    failure: FailedOperation,
    context: CallContext<NoInfer<P>>,
  ) => boolean | Promise<boolean>;
  /** Row-level security: as which role the data is written, and what its policies get to know. Postgres and PGlite. Default: the login role, and nothing. */
  readonly rls?: RlsOptions<NoInfer<P>>;
  /** Of the database transactions. Default: what the database has, but `read committed` on MySQL and MariaDB. */
  readonly isolation?: IsolationLevel;
  readonly timeouts?: Partial<Timeouts>;
  readonly limits?: Partial<Limits>;
  /** `false`: nothing is remembered, and a transaction whose answer was lost is applied again when the device repeats it. */
  readonly ledger?: false | LedgerOptions;
  /**
   * When a transaction that keeps failing in a passing way becomes a dead letter, RETRIES_EXHAUSTED, so that it no longer holds up its queue.
   * `false`: never. Outages and contention don't count, and nothing is parked unless another transaction has been applied in between.
   */
  readonly parking?: false | ParkingOptions;
  /**
   * A table of the application's own, which syncs back to the device, so that it can say what was refused. A row is written with each dead
   * letter, in its transaction. Default: none.
   */
  readonly rejections?: RejectionOptions<NoInfer<P>, NoInfer<DB>>;
  /**
   * The routes for checkpoints of one's own: `PUT {path}/checkpoint` and `POST {path}/checkpoint-request`. For uploads that reach the source
   * database later than they are answered; the checkpoints that PowerSync manages need nothing here. Default false.
   */
  readonly checkpoints?: boolean;
  readonly deadLetters?: DeadLettersOptions<NoInfer<P>>;
  /** Where the library's own tables are, if not where `createTables(db)` alone makes them. */
  readonly ownTables?: OwnTablesOptions;
  /** A copy for elsewhere, after the letter has been committed. Its failure changes no answer. */
  readonly onDeadLetter?: (letter: DeadLetter) => void | Promise<void>;
  readonly onEvent?: (event: WriteEvent) => void;
}

export interface LedgerOptions {
  /** How long an answer is remembered, at least. What a device sent last is remembered for ever. Default 90. */
  readonly retentionDays?: number;
  /** Whether the library prunes the ledger itself, about once an hour in each process, behind an upload. Default true. See `Writes.prune`. */
  readonly prune?: boolean;
}

/** Both must be reached. */
export interface ParkingOptions {
  /** Since its first failure. Default 24. */
  readonly afterHours?: number;
  /** Failures, at least 2. Default 20. */
  readonly attempts?: number;
}

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
  /** ISO 8601. */
  readonly created_at: string;
}

type Replacement<
  P extends Principal,
  DB,
  Name extends "validate" | "map" | "persist" | "deadLetter",
> = LayerReplacement<Layers<NoInfer<P>, NoInfer<DB>>[Name]>;
