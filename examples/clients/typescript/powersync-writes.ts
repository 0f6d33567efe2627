// A client of the write endpoint, by version 1.0.0 of its contract: models, and what to do with each answer.
// Made from openapi.yaml by npm run generate. Copy it into your project.
//
// TypeScript wherever there is `fetch`. With PowerSync's SDK for JavaScript, take the connector of powersync-writes/client in its place.

// One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
// data is `INVALID_TRANSACTION`.
export interface CrudEntry {
  // `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
  // row that does not exist succeeds and writes nothing.
  readonly op: string;
  // The table's name in the client's schema.
  readonly table: string;
  // The row's id.
  readonly id: string;
  // The entry's id in the device's upload queue.
  readonly op_id?: number;
  // The id of the local transaction that the entry belongs to.
  readonly transaction_id?: number;
  // `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
  //
  // A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
  readonly op_data?: Readonly<Record<string, unknown>>;
  // The row before the change, if the client's schema tracks it.
  readonly previous_values?: Readonly<Record<string, unknown>>;
  // The text that the application put in `_metadata`, if the client's schema tracks it.
  readonly metadata?: string;
}

// The operations of one local transaction, applied together or not at all. A transaction without operations succeeds.
export interface Transaction {
  // The local transaction's id. If it is missing, the entries' id is used, if all of them have the same.
  readonly transaction_id?: number;
  // How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
  // the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
  // one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
  // number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
  readonly handling?: number;
  // In the order in which the device made them; at most the server's limit, 10,000 by default.
  readonly crud: readonly CrudEntry[];
}

// Several transactions, in the order of the device's queue.
export interface BatchUpload {
  // The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
  // is sent twice is applied once. An empty text counts as absent.
  readonly client_id?: string;
  // For a device that keeps several upload queues under one client id. An empty text counts as absent.
  readonly queue_id?: string;
  // At least one; at most the server's limit, 100 by default.
  readonly transactions: readonly Transaction[];
}

export interface CheckpointBody {
  // The device, by `getClientId()`.
  readonly client_id: string;
}

export interface CheckpointRequestBody {
  // The device, by `getClientId()`.
  readonly client_id: string;
  // The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly.
  readonly checkpoint_request_id: string;
}

// Which operation failed, and why.
export interface FailedOperation {
  // One of the library's codes, or one of the application's own.
  readonly error_code: string;
  // For people. Never the database's own text.
  readonly message?: string;
  // For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds.
  readonly details?: unknown;
  // The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation.
  readonly operation_index?: number;
}

// The result of one transaction.
export interface TransactionResult {
  readonly status: string;
  // For people.
  readonly message?: string;
  // Milliseconds to wait. If it is missing, the client chooses.
  readonly retry_after_ms?: number;
  // True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
  // `handling` the answer is final until it comes with a higher one.
  readonly requires_client_handling?: boolean;
  // Which operation failed, and why.
  readonly failed_operation?: FailedOperation;
}

export interface BatchResponse {
  // One for each transaction, in the request's order.
  readonly results: readonly TransactionResult[];
}

export interface CheckpointResponse {
  // Digits, for `complete(checkpoint)`.
  readonly checkpoint: string;
}

export interface CheckpointRequestResponse {
  // Digits.
  readonly checkpoint_request_id: string;
}

// 9007199254740991 means that there is no limit.
export interface Limits {
  // Bytes of the body, as sent and as decompressed. Beyond it, 413.
  readonly body_bytes: number;
  // Transactions in one request. Beyond it, 400.
  readonly transactions: number;
  // Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`.
  readonly operations: number;
  // Levels of nesting in one operation's members; `op_data` itself is the first.
  readonly depth: number;
  // Keys of `op_data`, `previous_values` and the objects inside them, in one transaction.
  readonly keys: number;
  // JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413.
  readonly values?: number;
  // UTF-16 code units of one text.
  readonly string_length: number;
  // One caller's requests in progress at once. Beyond it, 429.
  readonly concurrent_requests?: number;
}

// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
export interface Timeouts {
  // After this many milliseconds, no further transaction of the request is begun.
  readonly request_ms: number;
  // One database transaction. A transaction that fails needs a second one, in which it is recorded.
  readonly transaction_ms: number;
}

export interface LimitsResponse {
  // The version of this document. The first number changes only when old clients would break.
  readonly contract_version: string;
  // 9007199254740991 means that there is no limit.
  readonly limits: Limits;
  // How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
  readonly timeouts?: Timeouts;
  // The names of this server's optional features. Ignore names that you do not know.
  readonly features: readonly string[];
}

export interface Message {
  // For people.
  readonly message: string;
}
export type Next =
  /** All have been answered: send what comes next. */
  | "go_on"
  /** Send the rest, which has not been tried, at once. */
  | "send_again"
  /** Send the rest after `waitMs`. */
  | "wait"
  /** Get another token, then send the rest. */
  | "new_token"
  /**
   * The application decides about the first of the rest: the server has recorded nothing of it. To have it tried again, send it with a
   * `handling` that is higher by one.
   */
  | "ask_app"
  /** The request, or the set-up, is at fault: keep the rest, and tell a person. */
  | "report";

/** What to do after an upload. Remove the first `completed` transactions from the queue, whatever `next` is. */
export interface Verdict {
  readonly completed: number;
  readonly next: Next;
  readonly waitMs?: number;
  readonly message?: string;
  /** One for each transaction. A `fatal_error` among the first `completed` is a dead letter on the server. */
  readonly results?: readonly TransactionResult[];
}

const defaultWaitMs = 5_000;

/** What an answer to so many transactions means. What is not recognized is sent again. */
export function judge(status: number, retryAfter: string | null, text: string, sent: number): Verdict {
  if (status === 401) return { completed: 0, next: "new_token", message: messageOf(text) };
  if (status === 429 || status >= 500) {
    const waitMs = /^\d{1,9}$/.test(retryAfter ?? "") ? Number(retryAfter) * 1_000 : defaultWaitMs;
    return { completed: 0, next: "wait", waitMs, message: messageOf(text) };
  }
  if (status !== 200) return { completed: 0, next: "report", message: messageOf(text) };
  const results = resultsOf(text);
  if (results?.length !== sent)
    return { completed: 0, next: "wait", waitMs: defaultWaitMs, message: "That is no answer of the endpoint's." };
  for (const [index, result] of results.entries()) {
    if (result.status === "success") continue;
    const { message, retry_after_ms: waitMs = defaultWaitMs } = result;
    const verdict = { completed: index, results, ...(message !== undefined && { message }) };
    const failed = result.status === "fatal_error";
    if (failed && result.requires_client_handling === false) continue;
    if (failed && result.requires_client_handling === true) return { ...verdict, next: "ask_app" };
    if (result.status === "not_attempted" && index > 0) return { ...verdict, next: "send_again" };
    return { ...verdict, next: "wait", waitMs };
  }
  return { completed: sent, next: "go_on", results };
}

/** An answer other than 200 to what is no upload. */
export class AnswerError extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`The endpoint answered ${status}. ${messageOf(text)}`);
    this.status = status;
  }
}

export interface WriteEndpoint {
  upload(batch: BatchUpload): Promise<Verdict>;
  createCheckpoint(body: CheckpointBody): Promise<CheckpointResponse>;
  requestCheckpoint(body: CheckpointRequestBody): Promise<CheckpointRequestResponse>;
  limits(): Promise<LimitsResponse>;
}

/** @param url the endpoint's whole URL, such as `https://api.example.com/api/data` */
export function writeEndpoint(url: string, token: () => Promise<string>, timeoutMs = 60_000): WriteEndpoint {
  async function send(method: string, path: string, body?: object, bearer?: string): Promise<Response> {
    return fetch(url.replace(/\/+$/, "") + path, {
      method,
      // The token is for one server alone.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
      ...(body !== undefined && {
        headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
        body: JSON.stringify(body),
      }),
    });
  }

  async function ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await send(method, path, body, body && (await token()));
    const text = await response.text();
    if (response.status !== 200) throw new AnswerError(response.status, text);
    return JSON.parse(text) as Answer;
  }

  return {
    upload: async (batch) => {
      const bearer = await token();
      let response: Response;
      let text: string;
      try {
        response = await send("POST", "", batch, bearer);
        text = await response.text();
      } catch {
        return { completed: 0, next: "wait", waitMs: defaultWaitMs, message: "The server can't be reached." };
      }
      return judge(response.status, response.headers.get("retry-after"), text, batch.transactions.length);
    },
    createCheckpoint: (body) => ask("PUT", "/checkpoint", body),
    requestCheckpoint: (body) => ask("POST", "/checkpoint-request", body),
    limits: () => ask("GET", "/limits"),
  };
}

function resultsOf(text: string): readonly TransactionResult[] | undefined {
  const results = (parsed(text) as Partial<BatchResponse> | null | undefined)?.results;
  const isResult = (each: unknown): boolean => typeof each === "object" && each !== null;
  return Array.isArray(results) && results.every(isResult) ? results : undefined;
}

function messageOf(text: string): string {
  const message = (parsed(text) as Partial<Message> | null | undefined)?.message;
  return typeof message === "string" ? message : "";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
