/**
 * Interceptors that leave alone what they do not mean to change: a body keeps all digits of its numbers, an answer its headers, and a request that is not an upload, or
 * can't be read, passes as it came. An endpoint behind one of them differs from the one without in the one point that is meant.
 */
import { createHash } from "node:crypto";
import type { Endpoint } from "./mutants.js";

export type Intercept = (next: Endpoint) => Endpoint;
export interface Json {
  readonly [name: string]: unknown;
}
export type Transaction = Json & { readonly crud: readonly Json[] };
export type Body = Json & { readonly transactions: readonly Transaction[] };

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What the types of the language do not know yet. */
const exact = JSON as unknown as {
  rawJSON: (text: string) => unknown;
  parse: (
    text: string,
    revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ) => unknown;
};

/** With every number as it was written. */
const parse = (text: string): unknown =>
  exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? exact.rawJSON(source)
      : value,
  );

const mostBytes = 1_048_576;

/** @returns the body of an upload of several transactions that can be read; nothing for any other request */
async function bodyOf(request: Request): Promise<Body | undefined> {
  if (request.method !== "POST" || !new URL(request.url).pathname.endsWith("/api/data"))
    return undefined;
  if (request.headers.has("content-encoding")) return undefined;
  const bytes = await request.clone().arrayBuffer();
  if (bytes.byteLength > mostBytes) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const body = parse(text);
    if (!isRecord(body) || !Array.isArray(body["transactions"])) return undefined;
    const all: readonly unknown[] = body["transactions"];
    return all.every(isRecord) ? (body as Body) : undefined;
  } catch {
    return undefined;
  }
}

const copy = (request: Request, body: unknown): Request => {
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  return new Request(request.url, { method: "POST", headers, body: JSON.stringify(body) });
};

const withBody = (response: Response, body: unknown): Response => {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(JSON.stringify(body), { status: response.status, headers });
};

/** A body that is returned as it is sends the request as it came. */
export const onBody =
  (change: (body: Body) => Json): Intercept =>
  (next) =>
  async (request) => {
    const body = await bodyOf(request);
    const changed = body && change(body);
    return next(changed === body ? request : copy(request, changed));
  };

const mapped = <T>(all: readonly T[], change: (one: T) => T): readonly T[] => {
  const changed = all.map(change);
  return changed.some((one, at) => one !== all[at]) ? changed : all;
};

export const onTransactions = (change: (transaction: Transaction) => Transaction): Intercept =>
  onBody((body) => {
    const transactions = mapped(body.transactions, change);
    return transactions === body.transactions ? body : { ...body, transactions };
  });

/** Of transactions that have a list of entries. */
export const onCrud = (change: (crud: readonly Json[]) => readonly Json[]): Intercept =>
  onTransactions((transaction) => {
    if (!listed(transaction)) return transaction;
    const crud = change(transaction.crud);
    return crud === transaction.crud ? transaction : { ...transaction, crud };
  });

export const onEntries = (change: (entry: Json) => Json): Intercept =>
  onCrud((crud) => mapped(crud, change));

const listed = ({ crud }: Transaction): boolean => Array.isArray(crud) && crud.every(isRecord);

/** The values of an entry, where there are any. */
export const onValues = (change: (values: Json) => Json): Intercept =>
  onEntries((entry) => {
    const { op_data: values } = entry;
    if (!isRecord(values)) return entry;
    const changed = change(values);
    return changed === values ? entry : { ...entry, op_data: changed };
  });

export const onResults =
  (change: (results: readonly Json[]) => readonly Json[]): Intercept =>
  (next) =>
  async (request) => {
    const response = await next(request);
    if (request.method !== "POST" || response.status !== 200) return response;
    const answer: unknown = await response
      .clone()
      .json()
      .catch(() => undefined);
    if (!isRecord(answer) || !Array.isArray(answer["results"])) return response;
    const results = change(answer["results"] as Json[]);
    return withBody(response, { ...answer, results });
  };

/** One transaction by itself, with what differs on its envelope. */
export type Ask = (transaction: Transaction, envelope?: Json) => Promise<Json>;
export interface Sent {
  readonly body: Body;
  readonly caller: string;
  /** What the handler keeps for the rest of the request. */
  readonly seen: Map<string, Json>;
}

/** An answer that has no results. */
class Refused extends Error {
  readonly response: Response;
  constructor(response: Response) {
    super("refused");
    this.response = response;
  }
}

/** Each transaction in a request of its own, one after another, as they are in the endpoint without. */
export const oneByOne =
  (handler: () => (transaction: Transaction, ask: Ask, sent: Sent) => Promise<Json>): Intercept =>
  (next) => {
    const handle = handler();
    return async (request) => {
      const body = await bodyOf(request);
      const count = body?.transactions.length ?? 0;
      if (body === undefined || count === 0 || count > 100 || !body.transactions.every(listed))
        return next(request);
      let last: Response | undefined;
      const ask: Ask = async (transaction, envelope = {}) => {
        const one = { ...body, ...envelope, transactions: [transaction] };
        const response = await next(copy(request, one));
        if (response.status !== 200) throw new Refused(response);
        last = response;
        const { results } = (await response.clone().json()) as { readonly results: [Json] };
        return results[0];
      };
      const caller = request.headers.get("authorization") ?? "";
      const sent = { body, caller, seen: new Map<string, Json>() };
      const results: Json[] = [];
      let ended = false;
      try {
        for (const transaction of body.transactions) {
          const result: Json = ended
            ? { status: "not_attempted" }
            : await handle(transaction, ask, sent);
          results.push(result);
          ended ||=
            result["status"] === "retryable_error" || result["requires_client_handling"] === true;
        }
      } catch (error) {
        if (error instanceof Refused) return error.response;
        throw error;
      }
      return withBody(last ?? Response.json({}), { results });
    };
  };

export const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => [key, sorted(each)]);
};

export const hashOf = (value: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(value) ?? "")
    .digest("hex");

/** What a device's transaction is known by. */
export const identityOf = (
  { crud, ...transaction }: Transaction,
  { body, caller }: { readonly body: Json; readonly caller: string },
): string =>
  hashOf([
    caller,
    body["client_id"],
    transaction["transaction_id"],
    crud.map(({ op, table, id, op_id, op_data }) => [op, table, id, op_id, sorted(op_data)]),
  ]);

/** A server's own ledger forgets what comes from another queue: a transaction that is sent from one is applied again. */
export const fromQueue = (name: string): Json => ({ queue_id: name });

export const hasDevice = ({ client_id }: Json): boolean =>
  typeof client_id === "string" && client_id !== "";

export const onResponse =
  (change: (response: Response, request: Request) => Promise<Response> | Response): Intercept =>
  (next) =>
  async (request) =>
    change(await next(request), request);

/** Answers a transaction that has been answered before, by a key that takes too many for the same. */
export const takenFor = (
  keyOf: (
    transaction: Transaction,
    sent: { readonly body: Json; readonly caller: string },
  ) => unknown,
): Intercept =>
  oneByOne(() => {
    const known = new Map<string, Json>();
    return async (transaction, ask, sent) => {
      const key = keyOf(transaction, sent);
      if (key === undefined) return ask(transaction);
      const hash = hashOf(key);
      const answer = known.get(hash) ?? (await ask(transaction));
      if (answer["status"] === "success" || answer["status"] === "fatal_error")
        known.set(hash, answer);
      return answer;
    };
  });
