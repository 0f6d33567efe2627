/** The form of an audit case: a title, what to fix if it fails, and a function that returns its steps as plain data. */

/** 1: PowerSync's reference contract. 2: identity and replay. 3: the whole contract and its limits. 4: checkpoints. */
export type Level = 1 | 2 | 3 | 4;

/** How strictly the contract requires what a case tests. */
export type Need = "MUST" | "SHOULD";

/** A feature that a server may leave out. The audit finds out before the first case whether the server has it. */
export type Feature = "bare" | "batch" | "methods" | "names" | "limits" | "checkpoints";

/** Whose credential a request contains. `null`: none. The others are credentials that no server may accept. */
export type Caller =
  | "user"
  | "other"
  | null
  | "garbage"
  | "another scheme"
  | "an altered signature"
  | "an altered payload"
  | "no signature";

/** A request of a case. */
export interface Send {
  /** Text or bytes, which are sent unchanged, or a value that is sent as JSON. */
  readonly body?: unknown;
  /** Default POST. */
  readonly method?: string;
  /** What follows the endpoint's path, such as `/limits`. Default: nothing. */
  readonly path?: string;
  /** Default `user`. */
  readonly as?: Caller;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The server may refuse the body before it has read it. Then it closes the connection, and the reset can destroy the answer on its way (RFC 9112, 9.6),
   * so the request is sent again. Default: a broken connection fails the case.
   */
  readonly refusedUnread?: true;
}

/** The status of a transaction's result. */
export type Status = "success" | "retryable_error" | "fatal_error" | "not_attempted";

/** An expected result of a transaction. */
export interface Outcome {
  readonly is: Status | readonly Status[];
  /** The index of the failed operation, from 0. A server need not name it, unless `named` is true, but must not name another one. */
  readonly at?: number;
  /** Whether the server must name the failed operation. Default false. */
  readonly named?: boolean;
  /** The error code. Default: any. */
  readonly code?: string;
}

/** The answer that a case expects. */
export interface Expected {
  readonly status: number | readonly number[];
  /** An outcome for each transaction, in order. */
  readonly results?: readonly Outcome[];
  /** The outcome of a bare result. */
  readonly result?: Outcome;
  /** Whether the body must contain a text named `message`. */
  readonly message?: boolean;
  /** Members that the body must have, with these values. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The types of members, by their paths, such as `results.0.failed_operation.error_code`. */
  readonly types?: Readonly<Record<string, "string" | "boolean" | "number" | "object">>;
  /** Regular expressions that headers must match, by the header's name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the answer must contain no text of the database, the driver or the code. */
  readonly discreet?: boolean;
}

/** An expectation that a row has, or has not, this value in one of the unique columns. */
export interface Sight {
  readonly code?: string;
  readonly big?: string;
  /** Whether there must be such a row. `{ result }`: there must be one if and only if the result with this index in the last answer is `success`. */
  readonly there: boolean | { readonly result: number };
}

/** A step of a case of the audit. */
export type Step =
  /** Sends a request, which must get one of these answers. */
  | { readonly send: Send; readonly expect: Expected | readonly Expected[] }
  /** Sends requests at once. Those that are answered retryable are sent again until they are not. In the end, these numbers must have succeeded and failed. */
  | {
      readonly together: readonly Send[];
      readonly settle: { readonly success: number; readonly fatal: number };
    }
  /** Sends a request and disconnects before the answer. */
  | { readonly leave: Send }
  | { readonly sees: Sight }
  /** Ends the case as not run if the server left the last failure to the client. */
  | { readonly only: "recorded" }
  | { readonly outage: "begin" | "end" };

/** A case of the audit. */
export interface AuditCase {
  /** An id that no other case has, and no conformance case. */
  readonly id: string;
  readonly level: Level;
  readonly need: Need;
  /** The subject of the case, as a heading. */
  readonly about: string;
  readonly title: string;
  /** What to change in a server that fails the case. */
  readonly mend: string;
  readonly features?: readonly Feature[];
  /** The case sends some hundred operations, some dozen requests, or a megabyte. */
  readonly heavy?: true;
  /** Returns the steps, with names of their own, so that cases do not affect each other. */
  steps(given: Given): readonly Step[];
}

type Columns = Readonly<Record<string, unknown>>;

export interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_data?: Columns;
}

/** The limits that an endpoint publishes. */
export interface Limits {
  readonly bodyBytes: number;
  readonly transactions: number;
  readonly operations: number;
  readonly depth: number;
  readonly stringLength: number;
}

/** Makes the values of one case: the same name gives the same value. Values differ from those of every other case and run. */
export interface Given {
  readonly table: string;
  readonly limits: Limits;
  /** A row's id: a UUID. */
  id(name: string): string;
  /** A text for the column `code`. */
  code(name: string): string;
  /** Digits beyond 2^53, for the column `big`. */
  big(name: string): string;
  /** A device's client id. */
  device(name: string): string;
  put(name: string, columns?: Columns): Entry;
  patch(name: string, columns?: Columns): Entry;
  del(name: string): Entry;
  /** A transaction as PowerSync's published connectors send it, with a transaction id of its own. */
  tx(...entries: readonly object[]): { readonly crud: readonly object[] };
  /** A transaction whose entries also have operation ids, each used once. */
  numbered(...entries: readonly object[]): { readonly crud: readonly object[] };
  /** Operations that can be applied only once: a second time, they conflict with a row of the first. */
  once(name: string): readonly Entry[];
}

export const upload = (...transactions: readonly unknown[]) => ({ transactions });
export const from = (client_id: string, ...transactions: readonly unknown[]) => ({
  client_id,
  transactions,
});

export const success: Outcome = { is: "success" };
/** The outcome of a transaction after a fatal one: a server may continue or end the batch. */
export const behind: Outcome = { is: ["success", "not_attempted"] };
export const fatal = (at?: number, code?: string): Outcome => ({
  is: "fatal_error",
  ...(at !== undefined && { at }),
  ...(code !== undefined && { code }),
});

export const results = (...each: readonly Outcome[]): Expected => ({ status: 200, results: each });
export const refused = (...status: readonly number[]): Expected => ({ status, message: true });
/** The answers to an invalid transaction that is alone in its request. PowerSync's reference refuses the request, the contract refuses the transaction. */
export const refusedOrFatal: readonly Expected[] = [refused(400, 422), results(fatal())];

/** Sends one transaction of a device, which must succeed. */
export const applied = (client_id: string, transaction: unknown): Step => ({
  send: { body: from(client_id, transaction) },
  expect: results(success),
});

/** Expects rows with these values in the column `code`. */
export const there = (...codes: readonly string[]): readonly Step[] =>
  codes.map((code) => ({ sees: { code, there: true } }));
export const absent = (...codes: readonly string[]): readonly Step[] =>
  codes.map((code) => ({ sees: { code, there: false } }));

/** Returns JSON in which each of these texts, including its quotes, is replaced by a literal. */
export function withLiterals(body: unknown, literals: Readonly<Record<string, string>>): string {
  return Object.entries(literals).reduce(
    (text, [name, literal]) => text.replaceAll(JSON.stringify(name), literal),
    JSON.stringify(body),
  );
}

/** What to fix, for several cases. */
export const mendLedger =
  "Write a row for the transaction's identity into a table with a unique key, in the same database transaction as its operations. If the row already exists, write nothing and return the answer that was saved with it. The identity consists of the caller, client_id, queue_id, the op_ids (or the transaction_id, if no entry has an op_id) and the content.";
