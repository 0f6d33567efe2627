/**
 * How a transaction asks a connection to send it as a whole. Kysely only lets statements through to a connection, so the request is the text of a
 * statement. `guardPool` recognizes it; any other connection executes it as the harmless statement that it is.
 */

/** Without parameters it asks whether the connection can; `flies` in the answer's row says so. With a `FlightSent` as the only one, it sends that. */
export const flightWord = "select null as flies";

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

/** The outcome: the only row of the answer. */
export type Landing =
  /** Every statement succeeded, including COMMIT if there was one. Rows by statement, values as texts. */
  | { readonly rows: readonly (readonly (readonly (string | null)[])[])[] }
  | {
      readonly error: unknown;
      /** `true`: the server answered with an error and rolled back, so nothing is left. `false`: the outcome is not known. */
      readonly undone: boolean;
    };
