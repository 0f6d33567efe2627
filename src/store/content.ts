/** How content tells transactions apart if the device is unknown: a repeat is a replay only while no other transaction of the user has named its rows. */

/** The content of a transaction, for the ledger. */
export interface Content {
  /** Whether the transaction is entered by its content, because its repeat may not say that it comes from the same device. */
  readonly entered: boolean;
  /** For how long content tells transactions apart, in milliseconds. */
  readonly withinMs: number;
  /** Computes the hashes, which few transactions need. */
  read(): Promise<ContentNames>;
  /** Called if content alone has decided that the transaction is a repeat, after the commit. */
  readonly decided: () => void;
}

/** Hex SHA-256 hashes, each different for every user. */
export interface ContentNames {
  /** Of the transaction's id and content. Absent: the transaction has no id, and is never a repeat. */
  readonly key?: string;
  /** Identities under which the ledger may know the transaction from before its queue had this id. */
  readonly others: readonly string[];
  /** The rows that it names, by the client's names. Absent: they are so many that it counts as naming all. */
  readonly rows?: readonly string[];
  /** Stands for all rows. */
  readonly all: string;
}

/** How much longer named rows are kept than content tells transactions apart. Clock differences and open transactions are shorter than this. */
export const namedMarginMs = 3_600_000;
