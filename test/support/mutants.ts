/**
 * Write endpoints that break one rule each: this library's own, with a layer left out or an interceptor in front of it. Every one was made by the author of the audit's
 * cases, who knows what they look for.
 */
import type { WritesConfig } from "../../src/index.js";
import type { TestSchema } from "./schema.js";
import type { TestPrincipal } from "./writes.js";

export type Endpoint = (request: Request) => Promise<Response>;
type Intercept = (next: Endpoint) => Endpoint;

export interface Mutant {
  readonly name: string;
  /** The case that is meant to find it. */
  readonly caughtBy: string;
  readonly config?: Partial<WritesConfig<TestPrincipal, TestSchema>>;
  readonly intercept?: Intercept;
}

interface Json {
  [name: string]: unknown;
}
type Transaction = Json & { readonly crud: readonly Json[] };
type Body = Json & { readonly transactions: readonly Transaction[] };

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json" },
  });

function copy(request: Request, body: unknown): Request {
  return new Request(request.url, {
    method: request.method,
    headers: request.headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Uploads that can be read; everything else passes as it is. */
const onUpload =
  (change: (body: Body, request: Request, next: Endpoint) => Promise<Response>) =>
  (next: Endpoint): Endpoint =>
  async (request) => {
    if (request.method !== "POST" || !request.url.endsWith("/api/data")) return next(request);
    const text = await request.clone().text();
    try {
      const body = JSON.parse(text) as Body;
      const { transactions } = body;
      if (Array.isArray(transactions) && transactions.every((each) => Array.isArray(each?.crud)))
        return await change(body, request, next);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    return next(request);
  };

const onSent = (change: (body: Body) => unknown): Intercept =>
  onUpload((body, request, next) => next(copy(request, change(body))));

/** With each entry changed, or left out. */
const onEntries = (change: (entry: Json) => Json | undefined): Intercept =>
  onSent((body) => ({
    ...body,
    transactions: body.transactions.map((transaction) => ({
      ...transaction,
      crud: transaction.crud.map(change).filter((entry) => entry !== undefined),
    })),
  }));

const onResults = (change: (results: Json[]) => unknown): Intercept =>
  onUpload(async (_body, request, next) => {
    const response = await next(request);
    const answer = (await response.clone().json()) as { readonly results?: Json[] };
    return answer.results === undefined ? response : json({ results: change(answer.results) });
  });

const onAnswer =
  (change: (response: Response, request: Request) => Response): Intercept =>
  (next) =>
  async (request) =>
    change(await next(request), request);

/** Remembers answers to single transactions by a key of its own, in front of an endpoint that remembers none. */
const remembering = (
  keyOf: (transaction: Transaction, body: Body, caller: string | null) => unknown,
  keep: (result: Json) => boolean = () => true,
): Pick<Mutant, "config" | "intercept"> => {
  const known = new Map<string, Json>();
  return {
    config: { ledger: false },
    intercept: onUpload(async (body, request, next) => {
      const caller = request.headers.get("authorization");
      const results: unknown[] = [];
      for (const transaction of body.transactions) {
        const key = JSON.stringify(keyOf(transaction, body, caller));
        const earlier = known.get(key);
        if (earlier !== undefined) {
          results.push(earlier);
          continue;
        }
        const one = { ...body, transactions: [transaction] };
        const answer = await next(copy(request, one));
        if (answer.status !== 200) return answer;
        const { results: [result] = [] } = (await answer.json()) as { results?: Json[] };
        // Without operation ids nothing is a repeat, unless the key says so.
        if (result !== undefined && key !== "null" && keep(result)) known.set(key, result);
        results.push(result);
      }
      return json({ results });
    }),
  };
};

const idsOf = ({ crud }: Transaction): unknown => {
  const ids = crud.map(({ op_id }) => op_id);
  return ids.every((id) => id !== undefined && id !== null) ? ids : undefined;
};
const contentOf = ({ crud }: Transaction): unknown =>
  crud.map(({ op, table, id, op_data }) => [op, table, id, sorted(op_data)]);
const sorted = (value: unknown): unknown =>
  typeof value === "object" && value !== null
    ? Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    : value;
const without = (value: Json, name: string): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));

const known = (key: (...parts: Parameters<Parameters<typeof remembering>[0]>) => unknown[]) =>
  remembering((transaction, body, caller) =>
    idsOf(transaction) === undefined ? null : key(transaction, body, caller),
  );

export const mutants: readonly Mutant[] = [
  {
    name: "turns the results round",
    caughtBy: "U-102",
    intercept: onResults((all) => all.toReversed()),
  },
  {
    name: "answers the first result alone",
    caughtBy: "U-115",
    intercept: onResults(([first]) => [first]),
  },
  {
    name: "does not say who handles a failure",
    caughtBy: "U-114",
    intercept: onResults((all) => all.map((result) => without(result, "requires_client_handling"))),
  },
  {
    name: "names the operation behind the one that failed",
    caughtBy: "U-116",
    intercept: onResults((all) =>
      all.map((result) => {
        const failed = result["failed_operation"] as Json | undefined;
        if (typeof failed?.["operation_index"] !== "number") return result;
        const operation_index = failed["operation_index"] + 1;
        return { ...result, failed_operation: { ...failed, operation_index } };
      }),
    ),
  },
  {
    name: "calls everything text",
    caughtBy: "U-117",
    intercept: onAnswer((response) => {
      const headers = { "content-type": "text/html" };
      return new Response(response.body, { status: response.status, headers });
    }),
  },
  {
    name: "fails at an envelope that it does not expect",
    caughtBy: "U-123",
    intercept: onAnswer((response) =>
      response.status === 400 ? json({ message: "Internal error" }, 500) : response,
    ),
  },
  {
    name: "takes a broken constraint for something that passes",
    caughtBy: "U-174",
    intercept: onResults((all) =>
      all.map((result) =>
        result["status"] === "fatal_error" ? { status: "retryable_error" } : result,
      ),
    ),
  },
  {
    name: "takes an empty transaction for a mistake",
    caughtBy: "U-103",
    intercept: onUpload(async (body, request, next) =>
      body.transactions.some(({ crud }) => crud.length === 0)
        ? json({ message: "Nothing to do." }, 400)
        : next(request),
    ),
  },
  {
    name: "refuses members that it does not know",
    caughtBy: "U-104",
    intercept: onUpload(async (body, request, next) =>
      Object.keys(body).some((name) => !["transactions", "client_id", "queue_id"].includes(name))
        ? json({ message: "Unknown member." }, 400)
        : next(request),
    ),
  },
  {
    name: "goes on behind a failure and says that it has not",
    caughtBy: "U-170",
    config: { onFatal: "skip" },
    intercept: onResults((all) => {
      const failed = all.findIndex(({ status }) => status === "fatal_error");
      return all.map((result, index) =>
        failed >= 0 && index > failed ? { status: "not_attempted" } : result,
      );
    }),
  },
  {
    name: "gives each operation a transaction of its own",
    caughtBy: "W-231",
    intercept: onUpload(async (body, request, next) => {
      const results = [];
      for (const transaction of body.transactions) {
        let result: Json = { status: "success" };
        for (const [index, entry] of transaction.crud.entries()) {
          const one = { ...body, transactions: [{ crud: [entry] }] };
          const answer = await next(copy(request, one));
          const { results: [first] = [] } = (await answer.json()) as { results?: Json[] };
          if (first?.["status"] === "success") continue;
          const failed_operation = {
            ...(first?.["failed_operation"] as Json),
            operation_index: index,
          };
          result = { ...first, failed_operation };
          break;
        }
        results.push(result);
      }
      return json({ results });
    }),
  },
  {
    name: "sends deletes last",
    caughtBy: "W-245",
    intercept: onSent((body) => ({
      ...body,
      transactions: body.transactions.map((transaction) => ({
        ...transaction,
        crud: transaction.crud.toSorted(
          (a, b) => Number(a["op"] === "DELETE") - Number(b["op"] === "DELETE"),
        ),
      })),
    })),
  },
  {
    name: "keeps the last operation on a row alone",
    caughtBy: "W-238",
    intercept: onSent((body) => ({
      ...body,
      transactions: body.transactions.map((transaction) => ({
        ...transaction,
        crud: transaction.crud.filter(
          ({ id }, index) =>
            transaction.crud.findLastIndex((other) => other["id"] === id) === index,
        ),
      })),
    })),
  },
  {
    name: "applies the transactions of a request in the other direction",
    caughtBy: "W-239",
    intercept: onUpload(async (body, request, next) => {
      const turned = { ...body, transactions: body.transactions.toReversed() };
      const answer = await next(copy(request, turned));
      const { results = [] } = (await answer.json()) as { results?: Json[] };
      return json({ results: results.toReversed() });
    }),
  },
  {
    name: "makes a row of a PATCH that finds none",
    caughtBy: "W-211",
    intercept: onEntries((entry) => (entry["op"] === "PATCH" ? { ...entry, op: "PUT" } : entry)),
  },
  {
    name: "ignores deletes",
    caughtBy: "W-220",
    intercept: onUpload(async (body, request, next) =>
      body.transactions.every(({ crud }) => crud.every(({ op }) => op === "DELETE"))
        ? json({ results: body.transactions.map(() => ({ status: "success" })) })
        : next(request),
    ),
  },
  {
    name: "leaves NULL out",
    caughtBy: "W-209",
    intercept: onEntries(({ op_data, ...entry }) => ({
      ...entry,
      ...(op_data !== undefined && {
        op_data: Object.fromEntries(
          Object.entries(op_data as Json).filter(([, value]) => value !== null),
        ),
      }),
    })),
  },
  {
    name: "cuts texts that are too long",
    caughtBy: "W-273",
    intercept: onEntries((entry) => {
      const { code, ...rest } = (entry["op_data"] ?? {}) as Json;
      return typeof code !== "string"
        ? entry
        : { ...entry, op_data: { ...rest, code: code.slice(0, 64) } };
    }),
  },
  {
    name: "reads numbers as doubles",
    caughtBy: "W-276",
    intercept: onEntries((entry) => {
      const { big, ...rest } = (entry["op_data"] ?? {}) as Json;
      return big === undefined || Number.isNaN(Number(big))
        ? entry
        : {
            ...entry,
            op_data: {
              ...rest,
              big: Number(big).toLocaleString("fullwide", { useGrouping: false }),
            },
          };
    }),
  },
  {
    name: "leaves out columns that nobody declared",
    caughtBy: "W-254",
    config: { tables: { powersync_audit: { owner: "owner_id", unknownColumns: "ignore" } } },
  },
  {
    name: "leaves out tables that nobody declared",
    caughtBy: "W-253",
    intercept: onEntries((entry) => (entry["table"] === "powersync_audit" ? entry : undefined)),
  },
  {
    name: "lets everybody in",
    caughtBy: "H-501",
    config: { authenticate: () => ({ userId: "alice" }) },
  },
  {
    name: "believes a token without its signature",
    caughtBy: "S-353",
    config: {
      authenticate: ({ headers }) => {
        const [, payload = ""] = (headers.get("authorization") ?? "").split(".");
        const { sub } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { sub: string };
        return { userId: sub };
      },
    },
  },
  {
    name: "lets everybody write every row",
    caughtBy: "S-341",
    config: {
      tables: {
        powersync_audit: {
          access: "everyone",
          set: { owner_id: ({ principal }: { principal: TestPrincipal }) => principal.userId },
        },
      },
    },
  },
  {
    name: "takes the owner from the body",
    caughtBy: "S-343",
    config: { tables: { powersync_audit: { access: "everyone" } } },
    intercept: onEntries((entry) =>
      entry["op"] === "PUT"
        ? { ...entry, op_data: { owner_id: "alice", ...(entry["op_data"] as Json) } }
        : entry,
    ),
  },
  {
    name: "answers with the driver's text",
    caughtBy: "S-360",
    intercept: onResults((all) =>
      all.map((result) =>
        result["status"] === "fatal_error"
          ? { ...result, message: "UNIQUE constraint failed: powersync_audit.code" }
          : result,
      ),
    ),
  },
  {
    name: "takes any content type",
    caughtBy: "H-527",
    intercept: (next) => async (request) => {
      const headers = new Headers(request.headers);
      headers.set("content-type", "application/json");
      const { method, url } = request;
      return next(
        new Request(url, {
          method,
          headers,
          ...(method !== "GET" && { body: await request.bytes() }),
        }),
      );
    },
  },
  {
    name: "puts another character in the place of bytes that are not UTF-8",
    caughtBy: "H-525",
    intercept: (next) => async (request) =>
      next(request.method === "POST" ? copy(request, await request.text()) : request),
  },
  {
    name: "stops at 100 kB",
    caughtBy: "H-561",
    config: { limits: { bodyBytes: 100_000 } },
  },
  { name: "remembers nothing", caughtBy: "L-400", config: { ledger: false } },
  {
    name: "remembers without the caller",
    caughtBy: "L-419",
    ...known((transaction, body) => [
      body["client_id"],
      idsOf(transaction),
      contentOf(transaction),
    ]),
  },
  {
    name: "remembers without the device",
    caughtBy: "L-415",
    ...known((transaction, _body, caller) => [caller, idsOf(transaction), contentOf(transaction)]),
  },
  {
    name: "remembers without the queue",
    caughtBy: "L-416",
    intercept: onSent((body) => without(body, "queue_id")),
  },
  {
    name: "remembers without the content",
    caughtBy: "L-406",
    ...known((transaction, body, caller) => [caller, body["client_id"], idsOf(transaction)]),
  },
  {
    name: "remembers without the operation ids",
    caughtBy: "L-457",
    ...known((transaction, body, caller) => [caller, body["client_id"], contentOf(transaction)]),
  },
  {
    name: "remembers what has no identity",
    caughtBy: "L-408",
    ...remembering((transaction, body, caller) => [
      caller,
      body["client_id"],
      contentOf(transaction),
    ]),
  },
  {
    name: "remembers by the content's text",
    caughtBy: "L-418",
    ...known((transaction, body, caller) => [caller, body["client_id"], transaction]),
  },
  {
    name: "remembers no failure",
    caughtBy: "L-417",
    ...remembering(
      (transaction, body, caller) =>
        idsOf(transaction) === undefined
          ? null
          : [caller, body["client_id"], idsOf(transaction), contentOf(transaction)],
      ({ status }) => status === "success",
    ),
  },
  {
    name: "remembers too late for what comes at once",
    caughtBy: "L-450",
    ...known((transaction, body, caller) => [
      caller,
      body["client_id"],
      idsOf(transaction),
      contentOf(transaction),
    ]),
  },
  {
    name: "remembers no transaction id",
    caughtBy: "L-405",
    ...known((transaction, body, caller) => [
      caller,
      body["client_id"],
      idsOf(transaction),
      contentOf(transaction),
    ]),
  },
  {
    name: "refuses the whole request for one bad transaction",
    caughtBy: "U-144",
    intercept: (next) => async (request) => {
      const answer = await next(request);
      const text = await answer.clone().text();
      return text.includes("INVALID_TRANSACTION") ? json({ message: "Bad request." }, 400) : answer;
    },
  },
  {
    name: "keeps the last checkpoint request, not the greatest",
    caughtBy: "C-701",
    intercept: (next) => async (request) => {
      if (!request.url.endsWith("/checkpoint-request")) return next(request);
      const { checkpoint_request_id } = (await request.clone().json()) as Json;
      const answer = await next(request);
      return answer.status === 200
        ? json({ checkpoint_request_id: String(checkpoint_request_id) })
        : answer;
    },
  },
  {
    name: "tells no limits",
    caughtBy: "H-543",
    intercept: (next) => async (request) =>
      request.url.endsWith("/limits") ? json({ message: "Not found." }, 404) : next(request),
  },
  {
    name: "counts checkpoints without the user",
    caughtBy: "C-704",
    intercept: (next) => async (request) => {
      if (!request.url.includes("/checkpoint")) return next(request);
      const headers = new Headers(request.headers);
      if (headers.has("authorization")) headers.set("authorization", "Bearer everybody");
      return next(new Request(request, { headers }));
    },
    config: {
      authenticate: ({ headers }) => ({ userId: headers.get("authorization") ?? "" }),
    },
  },
];
