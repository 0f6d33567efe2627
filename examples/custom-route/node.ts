/** Processes a transaction in a server of plain node:http. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { json } from "node:stream/consumers";
import { type Principal, toWire, type Writes } from "../../src/index.js";
import { userOf } from "./sessions.js";

export function uploads(writes: Writes<Principal>): Server {
  return createServer((request, response) => {
    void upload(writes, request).then(([status, body]) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
    );
  });
}

async function upload(
  writes: Writes<Principal>,
  request: IncomingMessage,
): Promise<readonly [status: number, body: unknown]> {
  const userId = userOf(request.headers.cookie);
  if (userId === undefined) return [401, { message: "Sign in." }];
  let body: unknown;
  try {
    // In production, limit the body's size, as a framework's parser does.
    body = await json(request);
  } catch {
    return [400, { message: "Send JSON." }];
  }
  return [200, toWire(await writes.processTransaction(body, { principal: { userId } }))];
}
