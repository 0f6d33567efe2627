/** Tables and columns as a store knows them, what must hold for a row, and what a store can say of its database for `check()` and `ready()`. */
import type { Condition, NewMember } from "./conditions.js";

export interface Table {
  /** As the configuration names it. */
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** Absent: no constraint of the database's can wait for COMMIT. */
  readonly deferred?: Deferred;
}

/** Where constraints that wait for COMMIT are, as seen from a table: as they are declared, and with `UnitOptions.deferConstraints`. */
export interface Deferred {
  readonly declared: DeferredPlace;
  readonly asked: DeferredPlace;
}

/** `here`: what is written to the table, or what the database itself writes for it, may decide whether one holds. `elsewhere`: other tables have some. */
export type DeferredPlace = "none" | "elsewhere" | "here";

export interface Column {
  readonly name: string;
  /** The database's name of the type, domains resolved; of the elements, for an array. */
  readonly type: string;
  readonly array: boolean;
  /** Digits behind the point, where the type says; of a second, for a point in time. */
  readonly scale?: number;
  /** Digits in all, or bits of a bit field, where the type says. */
  readonly precision?: number;
  /** How many characters, or bytes of binary data, fit, where the type says. */
  readonly length?: number;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** The database computes it and takes no value. */
  readonly generated: boolean;
  /** The database counts it up where no value is given. `end`: the greatest number that its type holds. */
  readonly numbered?: { readonly end: bigint };
  /** The database has no word of it, and takes it all the same: it takes a rule that lists it. */
  readonly unlisted?: true;
  /** The database would not refuse a NULL but store something else. */
  readonly nullReplaced?: true;
  /** Numbers below zero don't fit. */
  readonly unsigned?: true;
  /** What a text is stored in, where it can't hold every character. */
  readonly charset?: string;
  /** Digits of a second that it does not keep are cut, and not rounded. */
  readonly cutsSeconds?: true;
  /** Of an enumeration or a set. */
  readonly members?: readonly string[];
}

/**
 * What a column can name users by: any text; a whole number; a UUID; a day.
 * A number and a day have one spelling each. A UUID may be written in capitals: it is the same UUID.
 */
export type OwnerKind = "text" | "number" | "uuid" | "date";

/** What must hold for a row before a change and after it. All that are given. */
export interface Scope {
  /** The source table. */
  readonly table: string;
  /** The column holds the caller's user id. */
  readonly owner?: { readonly column: string; readonly userId: string };
  /** It holds for this user. */
  readonly condition?: {
    readonly holds: Condition;
    readonly userId: string;
    /** This row makes nobody a member. */
    readonly without?: NewMember;
  };
  /** What the rule's `scope` gave: of the store's own kind. */
  readonly expression?: unknown;
  readonly parents: readonly ParentScope[];
}

/** The column refers to a row that must be in a scope of its own. */
export interface ParentScope {
  readonly column: string;
  readonly table: string;
  /** The parent's column that is referred to. */
  readonly by: string;
  /** NULL is allowed. */
  readonly optional: boolean;
  readonly scope: Scope | undefined;
}

export interface Inspect {
  /** Read anew. Throws UnsuitableTable where writes to it could not be undone. */
  table(name: string): Promise<InspectedTable | undefined>;
  /** The columns' names of each table, by its name in the source database, read anew. None: there is no such table right now. A statement or two. */
  columns(tables: readonly string[]): Promise<readonly ReadonlySet<string>[]>;
  /** Rejects where the database does not take the scope. No row is read. */
  scope(scope: Scope): Promise<void>;
  /**
   * What is wrong with the library's own tables, each with its remedy. Empty: they are as `createTables` makes them, and may be read.
   * Rejects where they may not.
   */
  ownTables(used: OwnTablesUsed): Promise<readonly OwnTableProblem[]>;
  /** What of the server's own settings breaks the promise, or is too small for what may be sent. Nothing is refused for it. */
  settings(asked: SettingsAsked): Promise<readonly SettingProblem[]>;
  /** `rowSecurity` only. Whether the policies bind the role that writes the data. */
  policies(inspected: InspectedRole): Promise<PolicyReport>;
}

export interface SettingsAsked {
  /** The largest body that is taken. */
  readonly bodyBytes: number;
}

export interface SettingProblem {
  /** `not_durable`: what has been answered can be lost in a crash. `too_small`: what the limits allow can't be written. */
  readonly code: "not_durable" | "too_small";
  /** With its remedy. */
  readonly message: string;
}

export interface InspectedTable extends Table {
  /** The columns of each key that holds for all rows, and by which an upsert finds its row. Absent for a view, which has none of its own. */
  readonly unique?: readonly (readonly string[])[];
  /** Columns that take one letter for another. */
  readonly inexact: ReadonlySet<string>;
  /** The statements that the login role may send. Absent: it is not known. */
  readonly may?: ReadonlySet<"insert" | "update" | "delete">;
  /** What the column can name users by; `undefined`: it can't. */
  ownerKind(column: Column): OwnerKind | undefined;
}

/** Dead letters always are. */
export interface OwnTablesUsed {
  readonly ledger: boolean;
  readonly versions: boolean;
  readonly attempts: boolean;
  readonly checkpoints: boolean;
}

export interface OwnTableProblem {
  readonly table: string;
  /** Missing, or of another form. */
  readonly message: string;
}

export interface InspectedRole {
  /** The role that writes the data: its name, the login role itself, or one that only a principal can tell. */
  readonly role: { readonly name: string } | "login" | "unknown";
  /** By their names in the source database. */
  readonly tables: readonly string[];
  /** It is the only role there is, and writes the tables itself: then it needs grants on each. */
  readonly granted: boolean;
}

export interface PolicyReport {
  /** Each with its remedy, for whoever operates the server. */
  readonly problems: readonly string[];
  /** False: a table is not there yet, and may come without policies. */
  readonly complete: boolean;
}

/** How much a unit believes of what was read of the schema before. */
export interface SchemaTrust {
  /** By `performance.now()`: when the request came. That something is missing is believed only of a reading begun since. */
  readonly since: number;
  /** Nothing is believed that was read before `since`. */
  readonly anew?: true;
  /** The unit enters what it has believed of readings begun before `since`, by the table's name. */
  readonly believed?: Map<string, Table>;
}

/** Columns of a table that refer to a row of another one: in the database's own names. */
export interface ForeignKey {
  readonly columns: readonly string[];
  /** Without schema. */
  readonly table: string;
  readonly by: readonly string[];
}

export interface FingerprintOptions {
  /** Of these columns alone. Default: all that may be read. */
  readonly columns?: readonly string[];
  /** Nobody else changes the rows until the unit ends. */
  readonly lock?: boolean;
}

export interface Fingerprints {
  readonly columns: readonly string[];
  /** One a key, in order: hex SHA-256; `null` where there is no such row, `undefined` where the key can't be looked for. */
  readonly hashes: readonly (string | null | undefined)[];
}
