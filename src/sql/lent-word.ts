/**
 * How a library of the application's own sends statements through an open transaction: the `tx` that application code is given carries a `Lending`,
 * and asks the pool for the driver's client by a word, since Kysely shows nothing of a connection but the way for statements. `guardPool` takes the word
 * and sends nothing; to a server that gets to see it, it is a comment.
 */

export const lentWord = "-- powersync-writes: the client of this connection";

/** On the executor of such a `tx`. A registered symbol is the same in two copies of the package. */
export const lending = Symbol.for("powersync-writes.lending");

/** The driver's client, as `guardPool` gives it. */
export interface LentClient {
  query(config: object): Promise<unknown>;
}

export interface Lending {
  /** Sends in turn with the transaction's other statements, watched as they are; behind a failure, or too late, nothing is sent and it rejects. */
  send<T>(use: (client: LentClient) => Promise<T>): Promise<T>;
  readonly watch: {
    /** Whether the library has a transaction of its own open inside this one. None may be left open. */
    readonly inner: { open: boolean };
    /** Wants to hear the text of each statement. */
    readonly statement: ((text: string) => void) | undefined;
  };
}
