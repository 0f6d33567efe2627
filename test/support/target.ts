/**
 * What the conformance cases and the random sequences run against: each database, and the memory store (`targets.ts`). Rows go in and come out as JSON has
 * them, so that a case need not know what it is held against.
 */
import type { LedgerOptions } from "../../src/config/config.js";
import type {
  CrudEntry,
  Write,
  WriteEvent,
  WriteOutcome,
  Writes,
  WritesConfig,
} from "../../src/index.js";
import type { Row } from "./databases.js";
import type { appTableNames, TestSchema } from "./schema.js";
import type { TestPrincipal } from "./writes.js";

export type AppTable = (typeof appTableNames)[number];
export type GivenRows = Partial<Readonly<Record<AppTable, readonly Row[]>>>;

/** What write paths over one target differ in. */
export interface TargetOptions {
  readonly onFatal?: "stop" | "skip";
  readonly commit?: "per-request";
  readonly deadLetters?: { readonly requiresClientHandling: () => boolean | Promise<boolean> };
  readonly limits?: {
    readonly bodyBytes: number;
    readonly transactions: number;
    readonly operations: number;
    readonly stringLength?: number;
  };
  readonly checkpoints?: boolean;
  /** With a rule for the table of the audit: see `prepareAudit`. */
  readonly audit?: boolean;
  readonly ledger?: LedgerOptions<TestPrincipal>;
  readonly hooks?: {
    readonly map?: { readonly before: (operation: CrudEntry) => Promise<CrudEntry> };
    readonly persist?: { readonly before: (write: Write) => Promise<Write> };
  };
  readonly persist?: (
    write: Write,
    context: unknown,
    next: (write: Write) => Promise<WriteOutcome>,
  ) => Promise<WriteOutcome>;
  readonly onEvent?: (event: WriteEvent) => void;
  readonly timeouts?: NonNullable<WritesConfig<TestPrincipal, TestSchema>["timeouts"]>;
}

export interface OpenTarget {
  writes(options?: TargetOptions): Writes<TestPrincipal>;
  /** Makes the table of the audit. */
  prepareAudit(): Promise<void>;
  /** How many rows it has. */
  auditRows(): Promise<number>;
  /** Forgets all rows, letters and answers. */
  reset(): Promise<void>;
  insert(rows: GivenRows): Promise<void>;
  /** Somebody else changes a row, or deletes it (`null`). */
  change(table: "lists" | "todos" | "things", id: string, to: Row | null): Promise<void>;
  /** Sorted by key. With `ids`, those rows alone. */
  rows(table: AppTable, ids?: readonly string[]): Promise<readonly Row[]>;
  /** By the names of the SQL table's columns, texts escaped as there, the payload as JSON. With `userIds`, theirs alone. */
  letters(userIds?: readonly string[]): Promise<readonly Row[]>;
  /** How many transactions the ledger knows. */
  answered(): Promise<number>;
  close(): Promise<void>;
}

export interface OpenTargetOptions {
  /** False: no row is refused, or deleted, for what it refers to. Default true. */
  readonly foreignKeys?: boolean;
  /** False: `things.parent_id` is checked with each statement on every database, and no constraint waits for COMMIT. Default true. */
  readonly deferredKeys?: boolean;
}

export interface Target {
  readonly name: string;
  /** `things.parent_id` is checked when the transaction ends, not with each statement. */
  readonly deferred: boolean;
  /** See `ModelOptions`. */
  readonly holdsItself?: boolean;
  /** A row's parent is looked for before its unique values are. */
  readonly parentsFirst: boolean;
  /** False: the database knows nothing of what a row refers to. Default true. */
  readonly references?: boolean;
  /** Transactions can really meet. */
  readonly concurrent: boolean;
  available(): Promise<boolean>;
  open(options?: OpenTargetOptions): Promise<OpenTarget>;
}
