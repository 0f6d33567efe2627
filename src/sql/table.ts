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
  /** Of these a row trigger, a rule or INSTEAD OF can make something else, or nothing. */
  readonly declining: ReadonlySet<Verb>;
  /** A rule makes others of these: they return no rows. */
  readonly rewritten: ReadonlySet<Verb>;
  /** The columns of the keys by which an upsert finds its row. Absent: it is not known. */
  readonly keys?: readonly (readonly string[])[];
  /** Several rows can be written by one of these, and it is the same as one by one: nothing of the application's runs for each, and no row depends on another. Absent: none. */
  readonly alike?: ReadonlySet<Verb>;
  /** A view, whose table may hold its rows' keys unique by columns of other names. */
  readonly view?: boolean;
  /**
   * The relations whose rows it shows, as the catalog numbers them: its own, and those behind a view or a table with heirs. `others`: those of relations
   * that are not known. Absent: its own alone.
   */
  readonly shows?: ReadonlySet<string> | "others";
  /** It shows some of its table's rows: an upsert of another is refused, or, on an older server, changes it unseen. */
  readonly partial?: boolean;
  /** Rows can be locked, and each version of a row told from the next. */
  readonly lockable: boolean;
  readonly versioned: boolean;
  /** The columns of what is held unique, checked and referred to, by the names that errors tell. Absent: they tell columns. */
  readonly constraints?: ReadonlyMap<string, readonly string[]>;
  /** Absent: no constraint of the database's can wait for COMMIT. */
  readonly deferred?: Deferred;
  /** Policies of the database's own bind the role. */
  readonly rowSecurity: boolean;
  /** They may refuse an upsert where they take the INSERT alone: of a row that can't be seen yet. */
  readonly stricterUpsert?: boolean;
  /** What the role may do, and the table takes. Absent: it is not known. */
  readonly may?: ReadonlySet<Verb>;
  /** The columns that the role may read, and those that it may change. Absent: all. */
  readonly readable?: ReadonlySet<string>;
  readonly updatable?: ReadonlySet<string>;
}

/** What writes to a table have taught, for as long as the process lives. It decides how carefully a statement is sent, and nothing else. */
export interface Lessons {
  /** These are sent when the row has been locked: the database has declined some, or takes an INSERT where it refuses an upsert. */
  readonly lockFirst: Set<Verb>;
  /** Writes of which one statement alone could not tell why it changed nothing. */
  readonly unexplained: Map<string, Taken | undefined>;
}

/** The key was taken of a row that was not found. */
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
