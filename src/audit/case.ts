/** What an audit case is: a title, what to mend where it fails, and steps that are plain data once names have been given. */

/** 1: PowerSync's reference contract. 2: identity and replay. 3: the whole contract and its limits. 4: checkpoints. */
export type Level = 1 | 2 | 3 | 4;

/** What a case of the audit needs of the endpoint. */
export type Need = "MUST" | "SHOULD";

/** What a server may leave out. It is asked for before the first case. */
export type Feature = "bare" | "batch" | "methods" | "names" | "limits" | "checkpoints";

/** Whose credential a request carries. `null`: none. The rest are credentials that no server may accept. */
export type Caller =
  | "user"
  | "other"
  | null
  | "garbage"
  | "another scheme"
  | "an altered signature"
  | "an altered payload"
  | "no signature";

/** A request. */
export interface Send {
  /** JSON, unless it is text or bytes already. */
  readonly body?: unknown;
  /** Default POST. */
  readonly method?: string;
  /** Behind the endpoint's own path, such as `/limits`. Default: nothing. */
  readonly path?: string;
  /** Default `user`. */
  readonly as?: Caller;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The server may refuse the body before it has read it. It then closes the connection, and the reset can destroy the answer on its way (RFC 9112, 9.6):
   * such a request is sent again. Default: a broken connection fails the case.
   */
  readonly refusedUnread?: true;
}

/** How a case of the audit went, in a word. */
export type Status = "success" | "retryable_error" | "fatal_error" | "not_attempted";

/** What may become of a transaction. */
export interface Outcome {
  readonly is: Status | readonly Status[];
  /** The failed operation. A server need not name one, unless `named` is true, but must not name another. */
  readonly at?: number;
  /** Default false. */
  readonly named?: boolean;
  /** The error code. Default: any. */
  readonly code?: string;
}

/** What a case of the audit expects of an answer. */
export interface Expected {
  readonly status: number | readonly number[];
  /** One for each transaction, in order. */
  readonly results?: readonly Outcome[];
  /** A bare result. */
  readonly result?: Outcome;
  /** The body holds a text named `message`. */
  readonly message?: boolean;
  /** These members, with these values. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** A member by its path, such as `results.0.failed_operation.error_code`, and the type that it must have. */
  readonly types?: Readonly<Record<string, "string" | "boolean" | "number" | "object">>;
  /** Regular expressions by header. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Nothing of the database, the driver or the code may be in the answer. */
  readonly discreet?: boolean;
}

/** Whether a row has this value in one of the columns that are unique. */
export interface Sight {
  readonly code?: string;
  readonly big?: string;
  /** `{ result }`: there if, and only if, the last answer's result of this index is `success`. */
  readonly there: boolean | { readonly result: number };
}

/** A step of a case of the audit. */
export type Step =
  /** It must be answered in one of these ways. */
  | { readonly send: Send; readonly expect: Expected | readonly Expected[] }
  /** All at once. What is answered retryable is sent again until it is not; then so many must have succeeded and failed for good. */
  | {
      readonly together: readonly Send[];
      readonly settle: { readonly success: number; readonly fatal: number };
    }
  /** The client leaves before the answer. */
  | { readonly leave: Send }
  | { readonly sees: Sight }
  /** Ends the case, as not run, where the last failure has been left to the client. */
  | { readonly only: "recorded" }
  | { readonly outage: "begin" | "end" };

/** A case of the audit. */
export interface AuditCase {
  /** Never given to another case, of the audit or of the conformance cases. */
  readonly id: string;
  readonly level: Level;
  readonly need: Need;
  /** What it is about, as a heading. */
  readonly about: string;
  readonly title: string;
  /** What to change in a server that fails it. */
  readonly mend: string;
  readonly features?: readonly Feature[];
  /** It sends some hundred operations, some dozens of requests, or a megabyte. */
  readonly heavy?: true;
  /** With names of its own, so that a case meets nothing of an earlier one. */
  steps(given: Given): readonly Step[];
}

type Columns = Readonly<Record<string, unknown>>;

export interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_data?: Columns;
}

/** What an endpoint says of its limits. */
export interface Limits {
  readonly bodyBytes: number;
  readonly transactions: number;
  readonly operations: number;
  readonly depth: number;
  readonly stringLength: number;
}

/** The names of one case: the same name is the same value. Values are unlike those of every other case and every other run. */
export interface Given {
  readonly table: string;
  readonly limits: Limits;
  /** A row's id, a UUID. */
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
  /** One whose entries have operation ids, too, each used once. */
  numbered(...entries: readonly object[]): { readonly crud: readonly object[] };
  /** Operations of which the second application fails: it finds the first one's row in its way. */
  once(name: string): readonly Entry[];
}

export const upload = (...transactions: readonly unknown[]) => ({ transactions });
export const from = (client_id: string, ...transactions: readonly unknown[]) => ({
  client_id,
  transactions,
});

export const success: Outcome = { is: "success" };
/** What stands behind a fatal failure: a server may go on, or end the batch. */
export const behind: Outcome = { is: ["success", "not_attempted"] };
export const fatal = (at?: number, code?: string): Outcome => ({
  is: "fatal_error",
  ...(at !== undefined && { at }),
  ...(code !== undefined && { code }),
});

export const results = (...each: readonly Outcome[]): Expected => ({ status: 200, results: each });
export const refused = (...status: readonly number[]): Expected => ({ status, message: true });
/** A bad transaction alone in its request: PowerSync's reference refuses the request, the whole contract the transaction. */
export const refusedOrFatal: readonly Expected[] = [refused(400, 422), results(fatal())];

/** One transaction of a device, which must succeed. */
export const applied = (client_id: string, transaction: unknown): Step => ({
  send: { body: from(client_id, transaction) },
  expect: results(success),
});

/** These values under `code`, in the table or not. */
export const there = (...codes: readonly string[]): readonly Step[] =>
  codes.map((code) => ({ sees: { code, there: true } }));
export const absent = (...codes: readonly string[]): readonly Step[] =>
  codes.map((code) => ({ sees: { code, there: false } }));

/** JSON in which each of these texts, quotes included, is replaced by a literal. */
export function withLiterals(body: unknown, literals: Readonly<Record<string, string>>): string {
  return Object.entries(literals).reduce(
    (text, [name, literal]) => text.replaceAll(JSON.stringify(name), literal),
    JSON.stringify(body),
  );
}

/** What several cases ask to mend. */
export const mendLedger =
  "Write a row for the transaction's identity into a table with a unique key, in the same database transaction as its operations; where it is there already, write nothing and give the answer that was saved with it. The identity is the caller, client_id, queue_id, the op_ids (or the transaction_id, where no entry has one) and the content.";
