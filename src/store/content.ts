/** Transactions that are told apart by what is in them, where nobody says which device has sent them; and what other transactions of the same user name meanwhile. */

/** What a transaction says of itself. */
export interface Content {
  /** It is entered by its content, for its repeat may not tell that it comes from the same device. */
  readonly entered: boolean;
  /** For how long it is told apart by its content. */
  readonly withinMs: number;
  /** Made only where somebody asks. */
  read(): Promise<ContentNames>;
  /** Told when the content alone has said that it is a repeat, once that has been committed. */
  readonly decided: () => void;
}

/** All are hex SHA-256, and no two users' are the same. */
export interface ContentNames {
  /** Of the transaction's id and content. Absent: it has no id, and nothing of it is a repeat. */
  readonly key?: string;
  /** Identities by which the ledger may know it from before its device's queue had this id. */
  readonly others: readonly string[];
  /** Rows, by the client's names. Absent: so many that it counts as naming all. */
  readonly rows?: readonly string[];
  /** Stands for all rows. */
  readonly all: string;
}

/** What has been named longer ago than a transaction is told apart by its content is kept for this long: no clock and no open transaction is so late. */
export const namedMarginMs = 3_600_000;
