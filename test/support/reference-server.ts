/** A server that knows PowerSync's published write API and nothing more: one route, no limits to ask for, no ids kept. Rows are in memory. */
import { createServer, type IncomingMessage } from "node:http";
import { type Listening, listen } from "./uploads.js";

export interface ReferenceServer extends Listening {
  /** By table and id. */
  readonly rows: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** How many transactions each request had, those that were refused included. */
  readonly requests: readonly number[];
  /** Ends the connection of the next request once it has been applied. */
  loseNextAnswer(): void;
}

interface Entry {
  readonly op: string;
  readonly table: string;
  readonly id: string;
  readonly op_data?: Readonly<Record<string, unknown>>;
}

const known = new Set([
  "id",
  "op",
  "table",
  "transaction_id",
  "op_data",
  "previous_values",
  "metadata",
]);

export async function startReferenceServer(): Promise<ReferenceServer> {
  let rows = new Map<string, Readonly<Record<string, unknown>>>();
  const requests: number[] = [];
  let losing = false;

  function apply({ crud }: { readonly crud: readonly Entry[] }): object {
    const next = new Map(rows);
    for (const [index, { op, table, id, op_data = {} }] of crud.entries()) {
      const key = `${table} ${id}`;
      if (op_data["name"] === "refused" || op_data["name"] === "asked") {
        return {
          status: "fatal_error",
          requires_client_handling: op_data["name"] === "asked",
          failed_operation: { error_code: "CHECK_VIOLATION", operation_index: index },
        };
      }
      if (op_data["name"] === "later") return { status: "retryable_error", retry_after_ms: 10 };
      if (op === "DELETE") next.delete(key);
      else next.set(key, { ...next.get(key), ...op_data });
    }
    rows = next;
    return { status: "success" };
  }

  const server = createServer((request, response) => {
    void (async () => {
      const say = (status: number, body: unknown) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      };
      const body = await read(request);
      if (request.method !== "POST" || request.url !== "/api/data") {
        response.writeHead(404, { "content-type": "text/html" });
        return response.end("<!DOCTYPE html><pre>Cannot GET</pre>");
      }
      if (request.headers.authorization !== "Bearer alice") return say(401, { message: "No." });
      const { transactions } = body as { transactions?: readonly { crud: readonly Entry[] }[] };
      requests.push(transactions?.length ?? 0);
      if (!Array.isArray(transactions) || transactions.length < 1 || transactions.length > 50) {
        return say(400, { message: "From 1 to 50 transactions." });
      }
      let ended = false;
      const results = transactions.map((transaction) => {
        if (ended) return { status: "not_attempted" };
        const result = apply(transaction) as { status: string };
        ended = result.status !== "success";
        return result;
      });
      if (losing) {
        losing = false;
        return response.destroy();
      }
      return say(200, { results });
    })();
  });
  const listening = await listen(server);
  return {
    ...listening,
    get rows() {
      return rows;
    },
    requests,
    loseNextAnswer: () => {
      losing = true;
    },
  };
}

/** Without what it does not know, as a generated server would read it. */
async function read(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  if (text === "") return undefined;
  const { transactions } = JSON.parse(text) as { transactions?: { crud: object[] }[] };
  return {
    transactions: transactions?.map(({ crud }) => ({
      crud: crud.map((entry) =>
        Object.fromEntries(Object.entries(entry).filter(([name]) => known.has(name))),
      ),
    })),
  };
}
