/** Transactions, by the rules of the real server: who is in one, what may be sent in it, and what becomes of it. */
import type { Data, Snapshot } from "./data.js";
import { type Doc, Refusal } from "./values.js";

interface Transaction {
  readonly number: bigint;
  readonly snapshot: Snapshot;
  state: "open" | "committed" | "aborted";
}

const transient = ["TransientTransactionError"];

/** What a transaction may consist of. */
const allowed = new Set([
  ...["find", "insert", "update", "delete", "findAndModify", "aggregate", "getMore", "killCursors"],
  ...["commitTransaction", "abortTransaction"],
]);

export class Sessions {
  readonly #data: Data;
  readonly #isReplicaSet: boolean;
  readonly #transactions = new Map<string, Transaction>();

  constructor(data: Data, isReplicaSet: boolean) {
    this.#data = data;
    this.#isReplicaSet = isReplicaSet;
  }

  /** The transaction that a command is sent in. `undefined`: it is sent in none. */
  of(name: string, command: Doc): Transaction | undefined {
    const { lsid, txnNumber, startTransaction, autocommit, readConcern, writeConcern } = command;
    const isEnd = name === "commitTransaction" || name === "abortTransaction";
    if (autocommit === undefined) {
      if (startTransaction !== undefined || isEnd)
        throw new Refusal(72, "InvalidOptions", "autocommit: false is missing");
      return undefined;
    }
    if (autocommit !== false || txnNumber === undefined || lsid === undefined)
      throw new Refusal(
        72,
        "InvalidOptions",
        "A transaction needs lsid, txnNumber and autocommit: false",
      );
    if (!this.#isReplicaSet)
      throw new Refusal(
        20,
        "IllegalOperation",
        "Transaction numbers are only allowed on a replica set member or mongos",
      );
    const session = sessionOf(command);
    const number = BigInt(String(txnNumber));
    if (!allowed.has(name))
      throw new Refusal(
        263,
        "OperationNotSupportedInTransaction",
        `Cannot run '${name}' in a multi-document transaction.`,
      );
    if (writeConcern !== undefined && !isEnd)
      throw new Refusal(
        72,
        "InvalidOptions",
        "writeConcern is not allowed within a multi-statement transaction",
      );
    const known = this.#transactions.get(session);
    if (startTransaction === true) {
      if (known !== undefined && known.number >= number)
        throw new Refusal(225, "TransactionTooOld", "The number has been used.", transient);
      if (isEnd || name === "killCursors" || name === "getMore")
        throw new Refusal(72, "InvalidOptions", `${name} can't be first.`);
      const level = (readConcern as Doc | undefined)?.["level"];
      if (level !== "snapshot")
        throw new Refusal(72, "InvalidOptions", "The store asks for a snapshot.");
      if (known?.state === "open") this.#end(known, "aborted");
      const begun: Transaction = { number, snapshot: this.#data.begin(), state: "open" };
      this.#transactions.set(session, begun);
      return begun;
    }
    if (readConcern !== undefined)
      throw new Refusal(
        72,
        "InvalidOptions",
        "Only the first command in a transaction may specify a readConcern",
      );
    if (known?.number !== number || known.state === "aborted")
      throw new Refusal(
        251,
        "NoSuchTransaction",
        `Given transaction number ${number} does not match any in-progress transactions.`,
        transient,
      );
    if (known.state === "committed" && name !== "commitTransaction")
      throw new Refusal(256, "TransactionCommitted", "Transaction has been committed.");
    return known;
  }

  commit(transaction: Transaction): void {
    if (transaction.state === "open") {
      this.#data.commit(transaction.snapshot);
      transaction.state = "committed";
    }
  }

  abort(transaction: Transaction): void {
    if (transaction.state === "open") this.#end(transaction, "aborted");
  }

  /** As the server does with those that are too long under way, and when it steps down. */
  abortAll(): void {
    for (const each of this.#transactions.values()) this.abort(each);
  }

  /** How many are open. */
  get open(): number {
    return Array.from(this.#transactions.values()).filter(({ state }) => state === "open").length;
  }

  #end(transaction: Transaction, state: "aborted"): void {
    this.#data.abort(transaction.snapshot);
    transaction.state = state;
  }
}

export function sessionOf({ lsid }: Doc): string {
  const { id } = lsid as { readonly id: { toString(encoding: "hex"): string } };
  return id.toString("hex");
}
