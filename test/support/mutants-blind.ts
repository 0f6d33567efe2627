/**
 * Write endpoints that break one rule of the contract each, as a careful author may break it by mistake. They were written from the contract and its guides alone,
 * without a look at the audit's cases.
 */
import { decodeJwt } from "jose";
import { unauthenticated } from "../../src/index.js";
import {
  fromQueue,
  hashOf,
  hasDevice,
  identityOf,
  type Intercept,
  type Json,
  onBody,
  onCrud,
  onEntries,
  onResponse,
  onResults,
  onTransactions,
  onValues,
  oneByOne,
  sorted,
  takenFor,
  type Transaction,
} from "./interceptors.js";
import type { Mutant } from "./mutants.js";

/** An entry that the endpoint can't understand. */
const refused = (entry: Json): Json => ({ ...entry, op: "?" });
const success: Json = { status: "success" };
const failure = (error_code: string): Json => ({
  status: "fatal_error",
  requires_client_handling: false,
  failed_operation: { error_code },
});

const onRequest =
  (answer: (request: Request) => Promise<Response | undefined> | Response | undefined): Intercept =>
  (next) =>
  async (request) =>
    (await answer(request)) ?? next(request);

const message = (status: number, text: string): Response =>
  Response.json(
    { message: text },
    { status, headers: { "x-correlation-id": crypto.randomUUID() } },
  );

const isUpload = ({ method, url }: Request): boolean =>
  method === "POST" && new URL(url).pathname.endsWith("/api/data");

const withLimits = (change: (limits: Json) => Json): Intercept =>
  onResponse(async (response, { url }) => {
    if (!url.endsWith("/limits")) return response;
    const answer = (await response.json()) as { readonly limits: Json };
    const { headers } = response;
    return Response.json({ ...answer, limits: change(answer.limits) }, { headers });
  });

const opOrder = ["PUT", "PATCH", "DELETE"];
const entryMembers = new Set(
  "op table type id op_id opId clientId transaction_id transactionId tx_id op_data opData data previous_values previousValues old metadata".split(
    " ",
  ),
);
const rowOf = ({ table, id }: Json): string => JSON.stringify([table, id]);

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const bytesOf = async (request: Request): Promise<number> =>
  (await request.clone().arrayBuffer()).byteLength;

const depthOf = (text: string): number => {
  let [depth, deepest] = [0, 0];
  for (const [each] of text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '""').matchAll(/[[\]{}]/g)) {
    depth += each === "[" || each === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
};

/** A checkpoint request, which the mutant keeps itself. */
const onCheckpointRequest =
  (
    keyOf: (caller: string, device: string) => string,
    greater: (stored: string, sent: string) => string,
  ): Intercept =>
  (next) => {
    const stored = new Map<string, string>();
    return async (request) => {
      const response = await next(request.clone());
      if (!request.url.endsWith("/checkpoint-request") || response.status !== 200) return response;
      const sent = (await request.json()) as Record<"client_id" | "checkpoint_request_id", string>;
      const key = keyOf(request.headers.get("authorization") ?? "", sent.client_id);
      const value = String(sent.checkpoint_request_id);
      const kept = greater(stored.get(key) ?? value, value);
      stored.set(key, kept);
      return Response.json({ checkpoint_request_id: kept }, { headers: response.headers });
    };
  };

const greaterNumber = (stored: string, sent: string): string =>
  BigInt(stored) > BigInt(sent) ? stored : sent;

interface Control extends Omit<Mutant, "caughtBy"> {
  /** What the contract says, in the guide or in the OpenAPI document. */
  readonly rule: string;
}
interface BlindMutant extends Control {
  /** A MUST that found it: seen after it had been written. */
  readonly caughtBy: string;
}

/** Interceptors that change nothing: what the audit says of them is what it says of the endpoint without. */
export const controls: readonly Control[] = [
  { name: "no interceptor", rule: "none is broken" },
  {
    name: "each body written anew",
    rule: "none is broken",
    intercept: onBody((body) => ({ ...body })),
  },
  {
    name: "each transaction by itself",
    rule: "none is broken",
    intercept: oneByOne(() => (transaction, ask) => ask(transaction)),
  },
  {
    name: "each answer written anew",
    rule: "none is broken",
    intercept: onResults((results) => [...results]),
  },
];

export const blindMutants: readonly BlindMutant[] = [
  {
    name: "reads the numbers of op_data as doubles",
    caughtBy: "W-275",
    rule: "Integers are read exactly, whatever their size.",
    intercept: onValues((values) => JSON.parse(JSON.stringify(values)) as Json),
  },
  {
    name: "takes operations in small letters",
    caughtBy: "U-130",
    rule: "op is one of PUT, PATCH and DELETE in capitals; anything else is INVALID_TRANSACTION.",
    intercept: onEntries((entry) =>
      typeof entry["op"] === "string" ? { ...entry, op: entry["op"].toUpperCase() } : entry,
    ),
  },
  {
    name: "compares devices without regard to capitals",
    caughtBy: "L-498",
    rule: "Only an exact match of client_id is a repeat.",
    intercept: takenFor((transaction, { body, caller }) => {
      const device = body["client_id"];
      if (!hasDevice(body)) return undefined;
      if (!transaction.crud.every(({ op_id }) => typeof op_id === "number")) return undefined;
      const folded: Json = { ...body, client_id: String(device).toLowerCase() };
      return [body["queue_id"], identityOf(transaction, { body: folded, caller })];
    }),
  },
  {
    name: "leaves nulls out of a change",
    caughtBy: "W-209",
    rule: "op_data of a PATCH has the changed columns, NULLs included.",
    intercept: onEntries((entry) =>
      entry["op"] === "PATCH" && typeof entry["op_data"] === "object" && entry["op_data"] !== null
        ? {
            ...entry,
            op_data: Object.fromEntries(
              Object.entries(entry["op_data"]).filter(([, value]) => value !== null),
            ),
          }
        : entry,
    ),
  },
  {
    name: "refuses null in an optional member of an entry",
    caughtBy: "U-105",
    rule: "For optional members null means the same as leaving them out.",
    intercept: onEntries((entry) =>
      ["metadata", "previous_values", "op_id", "transaction_id"].some(
        (each) => entry[each] === null,
      )
        ? refused(entry)
        : entry,
    ),
  },
  {
    name: "refuses entries with members that it does not know",
    caughtBy: "U-104",
    rule: "Members that the contract does not name are ignored.",
    intercept: onEntries((entry) =>
      Object.keys(entry).every((each) => entryMembers.has(each)) ? entry : refused(entry),
    ),
  },
  {
    name: "takes a change of no columns for one without data",
    caughtBy: "W-211",
    rule: "{} is data, null is not.",
    intercept: onEntries((entry) =>
      entry["op"] === "PATCH" && JSON.stringify(entry["op_data"]) === "{}" ? refused(entry) : entry,
    ),
  },
  {
    name: "makes the row that a PATCH does not find",
    caughtBy: "W-211",
    rule: "A PATCH of a row that does not exist succeeds and writes nothing.",
    intercept: onEntries((entry) => (entry["op"] === "PATCH" ? { ...entry, op: "PUT" } : entry)),
  },
  {
    name: "refuses to delete a row that has been deleted",
    caughtBy: "W-220",
    rule: "A DELETE of a row that does not exist succeeds and writes nothing.",
    intercept: oneByOne(() => {
      const gone = new Set<string>();
      return async (transaction, ask) => {
        const again = transaction.crud.some(
          (entry) => entry["op"] === "DELETE" && gone.has(rowOf(entry)),
        );
        const made = transaction.crud.some(({ op }) => op === "PUT");
        if (again && !made) return failure("NOT_FOUND");
        const result = await ask(transaction);
        if (result["status"] === "success")
          for (const entry of transaction.crud)
            if (entry["op"] === "DELETE") gone.add(rowOf(entry));
            else gone.delete(rowOf(entry));
        return result;
      };
    }),
  },
  {
    name: "applies a transaction's operations by kind",
    caughtBy: "W-231",
    rule: "Operations are applied in the order of crud.",
    intercept: onCrud((crud) => {
      if (!crud.every(({ op }) => opOrder.includes(op as string))) return crud;
      return crud.toSorted(
        (a, b) => opOrder.indexOf(a["op"] as string) - opOrder.indexOf(b["op"] as string),
      );
    }),
  },
  {
    name: "keeps a transaction's last operation on each row alone",
    caughtBy: "W-206",
    rule: "Operations are applied in the order of crud, each of them.",
    intercept: onCrud((crud) => {
      const last = new Map(crud.map((entry) => [rowOf(entry), entry]));
      return last.size === crud.length ? crud : [...last.values()];
    }),
  },
  {
    name: "commits after every hundred operations",
    caughtBy: "W-235",
    rule: "A transaction is applied whole or not at all, and never split.",
    intercept: oneByOne(() => async (transaction, ask) => {
      let result = success;
      for (let at = 0; at === 0 || at < transaction.crud.length; at += 100) {
        result = await ask({ ...transaction, crud: transaction.crud.slice(at, at + 100) });
        if (result["status"] !== "success") break;
      }
      return result;
    }),
  },
  {
    name: "applies transactions of other rows before those that wait for each other",
    caughtBy: "W-239",
    rule: "Transactions are applied in the order of transactions.",
    intercept: (next) => {
      const rows = ({ crud }: Transaction): readonly string[] => crud.map(rowOf);
      return async (request) => {
        let order: readonly number[] | undefined;
        const inner = onBody((body) => {
          const seen = new Set<string>();
          if (!body.transactions.every(({ crud }) => Array.isArray(crud))) return body;
          const [free, waiting]: [number[], number[]] = [[], []];
          for (const [at, transaction] of body.transactions.entries()) {
            (rows(transaction).some((row) => seen.has(row)) ? waiting : free).push(at);
            for (const row of rows(transaction)) seen.add(row);
          }
          if (waiting.length === 0) return body;
          order = [...free, ...waiting];
          return { ...body, transactions: order.map((at) => body.transactions[at]) };
        });
        const back = onResults((results) => {
          const places = order;
          return places === undefined || places.length !== results.length
            ? results
            : results.map((_result, at) => results[places.indexOf(at)] ?? success);
        });
        return back(inner(next))(request);
      };
    },
  },
  {
    name: "quotes the database where a value is taken",
    caughtBy: "S-360",
    rule: "message is for people: never the database's own text.",
    intercept: onResults((results) =>
      results.map((result) =>
        (result["failed_operation"] as Json | undefined)?.["error_code"] === "UNIQUE_VIOLATION"
          ? {
              ...result,
              message: 'duplicate key value violates unique constraint "powersync_audit_code_key"',
            }
          : result,
      ),
    ),
  },
  {
    name: "puts the statement beside a failure",
    caughtBy: "S-360",
    rule: "details hold the client's column; nothing of the database is in an answer.",
    intercept: onResults((results) =>
      results.map((result) =>
        result["failed_operation"] === undefined
          ? result
          : {
              ...result,
              failed_operation: {
                ...(result["failed_operation"] as Json),
                details: { sql: "insert into powersync_audit (id, code) values ($1, $2)" },
              },
            },
      ),
    ),
  },
  {
    name: "reads the body before it asks who calls",
    caughtBy: "H-501",
    rule: "Authentication comes before validation.",
    intercept: onRequest(async (request) => {
      if (!isUpload(request)) return undefined;
      try {
        JSON.parse(await request.clone().text());
        return undefined;
      } catch {
        return request.headers.has("content-encoding") ? undefined : message(400, "No JSON.");
      }
    }),
  },
  {
    name: "answers a missing credential with 403",
    caughtBy: "U-117",
    rule: "401 means that there is no valid credential.",
    intercept: onRequest((request) =>
      isUpload(request) && !request.headers.has("authorization")
        ? message(403, "Forbidden.")
        : undefined,
    ),
  },
  {
    name: "reads a token without its signature",
    caughtBy: "S-353",
    rule: "401 means that there is no valid credential.",
    config: {
      authenticate: ({ headers }) => {
        try {
          const token = (headers.get("authorization") ?? "").replace("Bearer ", "");
          return { userId: decodeJwt(token).sub ?? "" };
        } catch {
          throw unauthenticated();
        }
      },
    },
  },
  {
    name: "takes no charset behind application/json",
    caughtBy: "H-526",
    rule: "A charset of UTF-8 may follow.",
    intercept: onRequest((request) =>
      isUpload(request) &&
      request.headers.get("content-type")?.startsWith("application/json;") === true
        ? message(415, "Send application/json.")
        : undefined,
    ),
  },
  {
    name: "reads bodies of 100 kB and tells of 16 MiB",
    caughtBy: "U-165",
    rule: "body_bytes is the limit of the body; beyond it 413.",
    intercept: onRequest(async (request) =>
      isUpload(request) && (await bytesOf(request)) > 102_400
        ? message(413, "The body is too large.")
        : undefined,
    ),
  },
  {
    name: "refuses as many transactions as it says it takes",
    caughtBy: "U-160",
    rule: "transactions is at most the server's limit; beyond it 400.",
    config: { limits: { transactions: 99 } },
    intercept: withLimits((limits) => ({ ...limits, transactions: 100 })),
  },
  {
    name: "refuses a transaction without operations",
    caughtBy: "U-103",
    rule: "A transaction without operations succeeds.",
    intercept: onTransactions((transaction) =>
      Array.isArray(transaction.crud) && transaction.crud.length === 0
        ? { ...transaction, crud: [refused({})] }
        : transaction,
    ),
  },
  {
    name: "compares checkpoint requests as text",
    caughtBy: "C-701",
    rule: "The answer is the greater of the number that was stored and the one that was sent.",
    intercept: onCheckpointRequest(
      (caller, device) => `${caller} ${device}`,
      (stored, sent) => (stored > sent ? stored : sent),
    ),
  },
  {
    name: "keeps checkpoint requests in doubles",
    caughtBy: "C-702",
    rule: "checkpoint_request_id has all digits up to 9223372036854775807.",
    intercept: onCheckpointRequest(
      (caller, device) => `${caller} ${device}`,
      (stored, sent) => String(BigInt(Math.max(Number(stored), Number(sent)))),
    ),
  },
  {
    name: "keeps checkpoint requests by the device's name alone",
    caughtBy: "C-704",
    rule: "The greatest number of the caller's device is kept.",
    intercept: onCheckpointRequest((_caller, device) => device, greaterNumber),
  },
  {
    name: "makes text of an id that is a number",
    caughtBy: "U-130",
    rule: "id is a text; anything else is INVALID_TRANSACTION.",
    intercept: onEntries((entry) =>
      typeof entry["id"] === "number" ? { ...entry, id: crypto.randomUUID() } : entry,
    ),
  },
  {
    name: "can't read bodies that are nested deeper than 64 levels",
    caughtBy: "U-162",
    rule: "Values that are nested deeper than the limit are their transaction's failure, at any depth.",
    intercept: onRequest(async (request) =>
      isUpload(request) && depthOf(await request.clone().text()) > 64
        ? message(400, "The body can't be read.")
        : undefined,
    ),
  },
  {
    name: "knows a repeat only in the same request as before",
    caughtBy: "L-418",
    rule: "A transaction may be sent as often as needed; it is applied once.",
    intercept: onBody((body) =>
      hasDevice(body)
        ? { ...body, ...fromQueue(hashOf([body["queue_id"], body.transactions])) }
        : body,
    ),
  },
  {
    name: "takes the same values without any id for a repeat",
    caughtBy: "L-408",
    rule: "Without a transaction_id and op_ids nothing is a repeat.",
    intercept: takenFor((transaction, { body, caller }) => {
      const { crud } = transaction;
      const plain =
        isAbsent(transaction["transaction_id"]) &&
        crud.length > 0 &&
        crud.every((entry) => isAbsent(entry["op_id"]) && isAbsent(entry["transaction_id"]));
      return plain
        ? [caller, body["client_id"], crud.map(({ op, id, op_data }) => [op, id, sorted(op_data)])]
        : undefined;
    }),
  },
  {
    name: "takes a transaction without a list of operations for an empty one",
    caughtBy: "U-142",
    rule: "A transaction that has no list crud is INVALID_TRANSACTION.",
    intercept: onTransactions((transaction) =>
      isAbsent(transaction.crud) ? { ...transaction, crud: [] } : transaction,
    ),
  },
  {
    name: "passes over operations that it does not know",
    caughtBy: "U-130",
    rule: "An op other than PUT, PATCH and DELETE is INVALID_TRANSACTION.",
    intercept: onCrud((crud) => {
      const known = crud.filter(({ op }) => typeof op !== "string" || opOrder.includes(op));
      return known.length === crud.length ? crud : known;
    }),
  },
  {
    name: "counts the order of keys as content",
    caughtBy: "L-418",
    rule: "The identity is a hash of the content with the keys of every object sorted.",
    intercept: oneByOne(() => (transaction, ask, { body }) => {
      const keys = transaction.crud.map(({ op_data }) =>
        Object.keys((op_data ?? {}) as Json).join(),
      );
      return ask(transaction, hasDevice(body) ? fromQueue(hashOf([body["queue_id"], keys])) : {});
    }),
  },
  {
    name: "sends a value that breaks a check back as retryable",
    caughtBy: "W-231",
    rule: "A failure that the data are to blame for is fatal_error: retryable_error keeps the device's queue from moving for good.",
    intercept: onResults((results) => {
      const failed = results.findIndex(
        (result) =>
          (result["failed_operation"] as Json | undefined)?.["error_code"] === "CHECK_VIOLATION",
      );
      return results.map((result, at) => {
        if (failed < 0 || at < failed) return result;
        return { status: at === failed ? "retryable_error" : "not_attempted" };
      });
    }),
  },
  {
    name: "tells its limits to callers with a credential alone",
    caughtBy: "H-543",
    rule: "GET /limits: no credential is needed.",
    intercept: onRequest((request) =>
      request.url.endsWith("/limits") && !request.headers.has("authorization")
        ? message(401, "Authentication is required.")
        : undefined,
    ),
  },
  {
    name: "gives transactions up while its database is away",
    caughtBy: "O-800",
    rule: "An error that is not recognized is retryable.",
    intercept: onResults((results) =>
      results.map((result) =>
        result["status"] === "retryable_error" ? failure("UNCLASSIFIED_ERROR") : result,
      ),
    ),
  },
  {
    name: "tries every transaction behind one that will pass",
    caughtBy: "O-801",
    rule: "A retryable_error ends the request: everything behind it is not_attempted.",
    intercept: onResults((results) => {
      const waits = results.findIndex(({ status }) => status === "retryable_error");
      return results.map((result, at) =>
        waits >= 0 && at > waits ? (results[waits] ?? result) : result,
      );
    }),
  },
  {
    name: "says success before its database has answered",
    caughtBy: "O-800",
    rule: "A transaction is answered success only after COMMIT has been answered.",
    intercept: onResults((results) =>
      results.map((result) => (result["status"] === "retryable_error" ? success : result)),
    ),
  },
];
