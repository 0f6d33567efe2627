/** A write endpoint that answers as the test tells it to, over real HTTP, and remembers what it was sent. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listen } from "./uploads.js";

export interface SentOperation {
  readonly op: string;
  readonly table: string;
  readonly id: string;
  readonly op_id: number;
  readonly op_data?: Readonly<Record<string, unknown>>;
  readonly previous_values?: Readonly<Record<string, unknown>>;
  readonly metadata?: string;
}

export interface SentUpload {
  readonly client_id: string;
  readonly queue_id: string;
  readonly transactions: readonly {
    readonly transaction_id?: number;
    readonly handling?: number;
    readonly crud: readonly SentOperation[];
  }[];
}

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: SentUpload;
  readonly bytes: number;
}

/** `hang`: no answer; `cut`: the connection ends without one. */
export type Scripted =
  | {
      readonly status?: number;
      readonly body?: unknown;
      readonly text?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | "hang"
  | "cut";

export interface ScriptedServer {
  readonly url: string;
  /** POSTs to the endpoint, in order. */
  readonly requests: readonly SentRequest[];
  /** All others. */
  readonly others: readonly SentRequest[];
  close(): Promise<void>;
}

/** What every transaction is answered unless the test has something else in mind. */
export function allSucceed({ body }: SentRequest): Scripted {
  return results(...body.transactions.map(() => ({ status: "success" })));
}

export function results(...results: readonly object[]): Scripted {
  return { body: { results } };
}

export function fatal(code: string, requires_client_handling = false): object {
  return {
    status: "fatal_error",
    requires_client_handling,
    message: `It is ${code}.`,
    failed_operation: { error_code: code, operation_index: 0, details: { hint: code } },
  };
}

/**
 * @param script one answer after the other; behind its end, all succeed
 * @param other what other routes are answered, 404 by default
 */
export async function startScriptedServer(
  script: readonly (Scripted | ((request: SentRequest) => Scripted | Promise<Scripted>))[] = [],
  other: (request: SentRequest) => Scripted = () => ({ status: 404, body: { message: "No." } }),
): Promise<ScriptedServer> {
  const requests: SentRequest[] = [];
  const others: SentRequest[] = [];
  const steps = [...script];
  const server = createServer((incoming, response) => {
    void (async () => {
      const request = await read(incoming);
      const isUpload = request.method === "POST" && request.url.split("?")[0] === "/api/data";
      if (isUpload) requests.push(request);
      else others.push(request);
      const step = isUpload ? (steps.shift() ?? allSucceed) : other;
      answer(response, typeof step === "function" ? await step(request) : step);
    })();
  });
  const { url, close } = await listen(server);
  return { url, requests, others, close };
}

async function read(incoming: IncomingMessage): Promise<SentRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return {
    method: incoming.method ?? "",
    url: incoming.url ?? "",
    headers: incoming.headers,
    body: (bytes.length === 0 ? undefined : JSON.parse(bytes.toString())) as SentUpload,
    bytes: bytes.length,
  };
}

function answer(response: ServerResponse, scripted: Scripted): void {
  if (scripted === "hang") return;
  if (scripted === "cut") {
    response.destroy();
    return;
  }
  const { status = 200, body, text, headers = {} } = scripted;
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(text ?? JSON.stringify(body));
}
