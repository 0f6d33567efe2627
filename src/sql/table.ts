/** Tables as the statements on them need them: columns, traits, and what earlier writes have shown. */
import { expressionBuilder, type ExpressionBuilder, type Kysely, type Transaction } from "kysely";
import type { Deferred, Table } from "../store/tables.js";

/** A transaction on tables whose names are known only at run time. */
type AnyDatabase = Record<string, Record<string, unknown>>;
export type SqlDatabase = Kysely<AnyDatabase>;
export type SqlTransaction = Transaction<AnyDatabase>;

export interface SourceTable {
  readonly schema?: string;
  readonly name: string;
}

/** A table of the port, with the name that a statement uses after plugins have been applied. */
export interface SqlTable extends Table {
  readonly source: SourceTable;
  /** What the table does differently. Absent: every statement does what it says. */
  readonly traits?: Traits;
  readonly lessons: Lessons;
}

export type Verb = "insert" | "update" | "delete";

/** What a table is, and what the connection's role may do with it, as far as the statements must follow it. Read with the columns. */
export interface Traits {
  /** The statements that a row trigger, a rule or INSTEAD OF can change or skip. */
  readonly declining: ReadonlySet<Verb>;
  /** The statements that a rule replaces. They return no rows. */
  readonly rewritten: ReadonlySet<Verb>;
  /** The columns of each key by which an upsert can find its row. Absent: not known. */
  readonly keys?: readonly (readonly string[])[];
  /** The statements whose result is the same for several rows at once as one by one: no row trigger runs, and no row depends on another. Absent: none. */
  readonly alike?: ReadonlySet<Verb>;
  /** Its constraints may say themselves what happens if one is violated: unless the statement says otherwise, other rows are replaced, or its own is skipped. */
  readonly resolvesConflicts?: true;
  /** Surely no trigger runs when a row is written. */
  readonly untriggered?: true;
  /** Whether it is a view. The unique columns of its table may have other names. */
  readonly view?: boolean;
  /**
   * The relations whose rows it shows, by their number in the catalog: its own, and those of the tables of a view, and of inheriting tables. `others`: also
   * relations that are not known. Absent: only its own.
   */
  readonly shows?: ReadonlySet<string> | "others";
  /** Whether the view shows only some rows of its table. An upsert of a hidden row is refused, or changes that row on older servers. */
  readonly partial?: boolean;
  /** Whether rows can be locked, and whether the versions of a row can be distinguished. */
  readonly lockable: boolean;
  readonly versioned: boolean;
  /** The columns of each constraint, by the name that errors contain. Absent: errors contain the columns. */
  readonly constraints?: ReadonlyMap<string, readonly string[]>;
  /** Absent: the database has no constraints that can wait for COMMIT. */
  readonly deferred?: Deferred;
  /** Whether row-level security applies to the role. */
  readonly rowSecurity: boolean;
  /** Whether policies may refuse an upsert although they accept the INSERT alone, because the role can't see the row yet. */
  readonly stricterUpsert?: boolean;
  /** The statements that the role has the right to, and that the table accepts. Absent: not known. */
  readonly may?: ReadonlySet<Verb>;
  /** The columns that the role may read and change. Absent: all. */
  readonly readable?: ReadonlySet<string>;
  readonly updatable?: ReadonlySet<string>;
}

/** What earlier writes to a table have shown, remembered by this process. It only decides whether rows are locked before they are written. */
export interface Lessons {
  /** Statements before which the row is locked: the database has skipped some, or accepts an INSERT where it refuses an upsert. */
  readonly lockFirst: Set<Verb>;
  /** Writes that changed nothing for an unknown reason, by name. */
  readonly unexplained: Map<string, Taken | undefined>;
}

/** The key of such a write was taken, although no row was found. */
interface Taken {
  /** By `performance.now()`. */
  readonly at: number;
  /** One row may be written several times in a transaction. */
  readonly operationIndex: number;
}

/** Whether two tables of different names may show one row. */
export function mayShareRows(one: Traits | undefined, other: Traits | undefined): boolean {
  const [shows, others] = [one?.shows, other?.shows];
  if (shows === "others" || others === "others") return true;
  if (shows === undefined || others === undefined) return false;
  return [...shows].some((each) => others.has(each));
}

/** A table that a rule names. */
export type TableOf = (table: string, columns?: readonly string[]) => Promise<SqlTable | undefined>;

/** The first argument of a rule's `scope`. */
export const scopeBuilder = expressionBuilder<AnyDatabase, string>();

// Names come from the configuration and are checked by the database, so their types can't be known here.
export const eb = scopeBuilder as unknown as ExpressionBuilder<
  Record<string, Record<string, never>>,
  string
>;
