/** Tables, columns and scopes as a store knows them, and what a store reports about its database for `check()` and `ready()`. */
import type { Condition, NewMember } from "./conditions.js";

export interface Table {
  /** The name that the configuration uses. */
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** Absent: the database has no constraint that can wait for COMMIT. */
  readonly deferred?: Deferred;
}

/** Where there are constraints that wait for COMMIT, as seen from a table: as declared, and with `UnitOptions.deferConstraints`. */
export interface Deferred {
  readonly declared: DeferredPlace;
  readonly asked: DeferredPlace;
}

/** `here`: a write to the table, or what the database writes because of it, may decide whether one of them holds. `elsewhere`: only other tables have some. */
export type DeferredPlace = "none" | "elsewhere" | "here";

export interface Column {
  readonly name: string;
  /** The database's name of the type, with domains resolved. For an array, the type of its elements. */
  readonly type: string;
  readonly array: boolean;
  /** Digits after the decimal point, if the type says; for a time, digits of a second's fraction. */
  readonly scale?: number;
  /** Digits in all, or bits of a bit field, if the type says. */
  readonly precision?: number;
  /** The most characters, or bytes of binary data, if the type says. */
  readonly length?: number;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** The database computes the value and accepts none. */
  readonly generated: boolean;
  /** The database numbers the column if no value is given. `end` is the greatest number that its type holds. */
  readonly numbered?: { readonly end: bigint };
  /** The schema does not declare the column, but the database accepts it anyway. Clients may write it only if a rule lists it. */
  readonly unlisted?: true;
  /** The database does not refuse a NULL, but stores another value instead. */
  readonly nullReplaced?: true;
  /** The column can't hold negative numbers. */
  readonly unsigned?: true;
  /** The column's character set, if it can't hold every character. */
  readonly charset?: string;
  /** The smallest unit that an interval keeps, if the type says: the database drops smaller ones. */
  readonly smallestUnit?: "year" | "month" | "day" | "hour" | "minute";
  /** Digits of a second that the column does not keep are cut off, and not rounded. */
  readonly cutsSeconds?: true;
  /** The members of an enumeration or a set. */
  readonly members?: readonly string[];
}

/**
 * What kind of user ids a column can hold: any text, whole numbers, UUIDs, or days.
 * A number and a day have one spelling each. A UUID in capitals is the same UUID.
 */
export type OwnerKind = "text" | "number" | "uuid" | "date";

/** What must hold for a row before a change and after it. Every member given must hold. */
export interface Scope {
  /** The source table. */
  readonly table: string;
  /** The column holds the caller's user id. */
  readonly owner?: { readonly column: string; readonly userId: string };
  /** The condition must hold for this user. */
  readonly condition?: {
    readonly holds: Condition;
    readonly userId: string;
    /** This row makes nobody a member. */
    readonly without?: NewMember;
    /** The table that is written, if the condition may look up members there: a members' table with another name may be a view that shows the written row. */
    readonly writes?: string;
  };
  /** What the rule's `scope` returned, an expression of the store's own kind. */
  readonly expression?: unknown;
  readonly parents: readonly ParentScope[];
}

/** A column that refers to a row, which must be in a scope of its own. */
export interface ParentScope {
  readonly column: string;
  readonly table: string;
  /** The column of the parent that is referred to. */
  readonly by: string;
  /** Whether NULL is allowed. */
  readonly optional: boolean;
  readonly scope: Scope | undefined;
}

export interface Inspect {
  /** Reads a table, bypassing the cache. Throws UnsuitableTable if writes to it could not be rolled back. */
  table(name: string): Promise<InspectedTable | undefined>;
  /** The column names of each table, bypassing the cache; empty for a table that does not exist. Costs a statement or two. */
  columns(tables: readonly string[]): Promise<readonly ReadonlySet<string>[]>;
  /** Rejects if the database does not accept the scope. Reads no row. */
  scope(scope: Scope): Promise<void>;
  /**
   * The problems of the library's own tables, with their remedies. Empty: the tables are as `createTables` makes them, and may be read.
   * Rejects if they may not be read; with `toWrite`, also if they may not be written, as far as the database says without writing.
   */
  ownTables(
    used: OwnTablesUsed,
    options?: { readonly toWrite?: boolean },
  ): Promise<readonly OwnTableProblem[]>;
  /** Server settings that break the library's promise, or are too small for what clients may send. They are reported, but nothing is refused. */
  settings(asked: SettingsAsked): Promise<readonly SettingProblem[]>;
  /** Checks whether the policies apply to the role that writes the data. Only if `rowSecurity` is true. */
  policies(inspected: InspectedRole): Promise<PolicyReport>;
}

export interface SettingsAsked {
  /** The largest body that is accepted. */
  readonly bodyBytes: number;
}

export interface SettingProblem {
  /** `not_durable`: a crash can lose writes that have been answered. `too_small`: a write that the limits allow can't be made. */
  readonly code: "not_durable" | "too_small";
  /** Includes the remedy. */
  readonly message: string;
}

export interface InspectedTable extends Table {
  /** The columns of each unique key that covers all rows, so that an upsert can find its row by it. Absent for a view, which has no keys. */
  readonly unique?: readonly (readonly string[])[];
  /** Columns that treat different letters as equal, for example without regard to case. */
  readonly inexact: ReadonlySet<string>;
  /** The statements that the login role may send. Absent: unknown. */
  readonly may?: ReadonlySet<"insert" | "update" | "delete">;
  /** The kind of user ids that the column can hold; `undefined` if it can't hold any. */
  ownerKind(column: Column): OwnerKind | undefined;
}

/** Which of the library's own tables are used. The dead letters' tables always are. */
export interface OwnTablesUsed {
  readonly ledger: boolean;
  readonly versions: boolean;
  readonly attempts: boolean;
  readonly checkpoints: boolean;
}

export interface OwnTableProblem {
  readonly table: string;
  /** The database's name of the table, if the whole table is missing. */
  readonly missing?: string;
  /** Says what is missing or different. */
  readonly message: string;
}

export interface InspectedRole {
  /** The role that writes the data: its name, the login role itself, or `unknown` if it depends on the principal. */
  readonly role: { readonly name: string } | "login" | "unknown";
  /** Names in the source database. */
  readonly tables: readonly string[];
  /** Whether this is the only role, and writes the tables itself, so that it needs grants on each. */
  readonly granted: boolean;
}

export interface PolicyReport {
  /** Messages for the operator, each with its remedy. */
  readonly problems: readonly string[];
  /** False if a table does not exist yet: it may be created without policies later. */
  readonly complete: boolean;
}

/** How far a unit trusts the cached schema. */
export interface SchemaTrust {
  /** When the request came, by `performance.now()`. Only a reading begun since then may say that something is missing. */
  readonly since: number;
  /** Trusts nothing that was read before `since`. */
  readonly anew?: true;
  /** By table name: the unit enters the tables that it has taken from readings begun before `since`. */
  readonly believed?: Map<string, Table>;
}

/** A foreign key, in the database's own names. */
export interface ForeignKey {
  readonly columns: readonly string[];
  /** Without schema. */
  readonly table: string;
  readonly by: readonly string[];
}

export interface FingerprintOptions {
  /** The columns to hash. Default: all that may be read. */
  readonly columns?: readonly string[];
  /** Locks the rows until the unit ends. */
  readonly lock?: boolean;
}

export interface Fingerprints {
  readonly columns: readonly string[];
  /** One for each key, in order: hex SHA-256; `null` if there is no such row; `undefined` if the key can't be looked for. */
  readonly hashes: readonly (string | null | undefined)[];
}
