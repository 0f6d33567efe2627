/** Tables and columns as a store knows them, and what must hold for a row. */

export interface Table {
  /** As the configuration names it. */
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
}

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
  /** The database would not refuse a NULL but store something else. */
  readonly nullReplaced?: true;
  /** Numbers below zero don't fit. */
  readonly unsigned?: true;
  /** What a text is stored in, where it can't hold every character. */
  readonly charset?: string;
  /** Of an enumeration or a set. */
  readonly members?: readonly string[];
}

/** What must hold for a row before a change and after it. All that are given. */
export interface Scope {
  /** The source table. */
  readonly table: string;
  /** The column holds the caller's user id. */
  readonly owner?: { readonly column: string; readonly userId: string };
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
