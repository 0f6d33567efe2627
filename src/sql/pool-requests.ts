/**
 * Requests of a transaction to a guarded pool. Kysely only lets statements through to a connection, so a request is the text of a statement, which
 * `guardPool` recognizes. Any other connection executes it as the harmless statement that it is.
 */

/**
 * Without parameters it asks whether the connection can send several statements without waiting; `flies` in the answer's row says so. The only parameter is
 * a `FlightSent` for Postgres, and `{ statements }` with `SentStatement`s for the other databases, whose answers are read before COMMIT.
 */
export const flightRequest = "select null as flies";

export interface FlightStatement {
  readonly text: string;
  /** A name made from the text only, so that a statement with this name always has the same text. Absent: it is never prepared. */
  readonly name?: string;
  readonly parameters: readonly (string | Uint8Array | null)[];
}

/** A whole transaction, including BEGIN and COMMIT, or a part of an open one. */
export interface FlightSent {
  readonly statements: readonly FlightStatement[];
  /** An error ends the transaction, and nothing is sent again. */
  readonly isPart?: true;
}

/** A statement for a guarded pool of `./mysql2`, or a guarded database of `./sqlite`. */
export interface SentStatement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/**
 * The answers to the first of them, at least one, in the form in which Kysely returns them: the only row of the answer to the request. The others have not
 * been executed: a database that blocks the event loop leaves them to another turn. If a statement fails, the request fails with its error.
 */
export interface StatementsAnswered {
  readonly results: readonly {
    readonly rows: unknown[];
    readonly numAffectedRows?: bigint;
    readonly insertId?: bigint;
  }[];
}

/** The outcome: the only row of the answer. */
export type FlightAnswer =
  /** Every statement succeeded, including COMMIT if there was one. Rows by statement, values as texts. */
  | { readonly rows: readonly (readonly (readonly (string | null)[])[])[] }
  | {
      readonly error: unknown;
      /** `true`: the server answered with an error and rolled back, so nothing is left. `false`: the outcome is not known. */
      readonly undone: boolean;
    };

/**
 * Asks for the driver's client, so that the application's own library can send statements through an open transaction: the `tx` that application code
 * gets carries a `Lending`. To a server, it is a comment.
 */
export const clientRequest = "-- powersync-writes: the client of this connection";

/** The member of such a `tx`'s executor. A registered symbol, because it must be the same in two copies of the package. */
export const lending = Symbol.for("powersync-writes.lending");

/** The driver's client, as `guardPool` returns it. */
export interface LentClient {
  query(config: object): Promise<unknown>;
}

/** Lends the driver's client to the application's own library. */
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

/** Asks to close the connection of an abandoned transaction. To a server, it is a comment. */
export const closeRequest = "-- powersync-writes: end this connection";

/**
 * The first words of the statements that change a session's settings for a transaction and restore them, on MySQL and MariaDB. `guardPool` of `./mysql2`
 * recognizes them.
 */
export const changeSettings = "set @powersync_writes = 1";
export const restoreSettings = "set @powersync_writes = null";
