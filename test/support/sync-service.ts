/** As much of a PowerSync service as makes a client upload: a stream that stays open and tells nothing, and checkpoints. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface SyncService {
  readonly url: string;
  /** Requests, such as `POST /sync/stream`. */
  readonly requests: readonly string[];
  /** Tokens of the streams that were opened. */
  readonly tokens: readonly string[];
  close(): Promise<void>;
}

export async function startSyncService(): Promise<SyncService> {
  const requests: string[] = [];
  const tokens: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    requests.push(`${request.method} ${path}`);
    request.resume();
    if (path === "/sync/stream") {
      tokens.push((request.headers.authorization ?? "").replace(/^\w+ /, ""));
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.write(`${JSON.stringify({ token_expires_in: 3600 })}\n`);
    } else if (path === "/write-checkpoint2.json") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ data: { write_checkpoint: "7" } }));
    } else if (path === "/sync/checkpoint-request") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ data: { checkpoint_request_id: "1" } }));
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    tokens,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
