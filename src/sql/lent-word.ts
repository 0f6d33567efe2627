/**
 * How the application's own library sends statements through an open transaction. The `tx` that application code gets carries a `Lending`, which asks
 * the pool for the driver's client. Kysely only lets statements through to a connection, so the request is the text of a statement. `guardPool`
 * recognizes it and sends nothing. If a server gets it nevertheless, it is a comment.
 */

export const lentWord = "-- powersync-writes: the client of this connection";

/** The member of such a `tx`'s executor. A registered symbol, because it must be the same in two copies of the package. */
export const lending = Symbol.for("powersync-writes.lending");

/** The driver's client, as `guardPool` returns it. */
export interface LentClient {
  query(config: object): Promise<unknown>;
}

export interface Lending {
  /** Sends in turn with the transaction's other statements, and is watched like them. After a failure or the transaction's end it rejects, and sends nothing. */
  send<T>(use: (client: LentClient) => Promise<T>): Promise<T>;
  readonly watch: {
    /** Whether the application's library has an inner transaction open. None may be left open. */
    readonly inner: { open: boolean };
    /** Called with the text of each statement. */
    readonly statement: ((text: string) => void) | undefined;
  };
}
