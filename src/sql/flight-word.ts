/**
 * How a transaction asks a connection to send it as a whole: Kysely shows nothing of a connection but the way for statements. `guardPool` takes the word;
 * any other connection answers it as the statement that it is.
 */

/** Without parameters it asks whether the connection can; `flies` in the answer's row says so. With a `FlightSent` as the only one, it sends that. */
export const flightWord = "select null as flies";

export interface FlightStatement {
  readonly text: string;
  /** Made of the text alone, so that whoever else has prepared something by this name has prepared the same. Absent: it is never prepared. */
  readonly name?: string;
  readonly parameters: readonly (string | Uint8Array | null)[];
}

/** A whole transaction, BEGIN and COMMIT included; or a part of one that is open. */
export interface FlightSent {
  readonly statements: readonly FlightStatement[];
  /** An error ends the transaction, and nothing is sent once more. */
  readonly isPart?: true;
}

/** What has become of it: the only row of the answer. */
export type Landing =
  /** All has been done, and COMMIT, where it was there, has been heeded. Rows by statement, values as their texts. */
  | { readonly rows: readonly (readonly (readonly (string | null)[])[])[] }
  | {
      readonly error: unknown;
      /** The server has answered with an error, and has rolled back: nothing of it is left. Else it is not known what has become of it. */
      readonly undone: boolean;
    };
