/** For plain `node:http`: `createServer(powersyncWrites(config))`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WritesConfig } from "../src/config.js";
import type { Principal } from "../src/layer.js";
import type { Writes } from "../src/writes.js";
import { answer, message, send } from "./node-http.js";
import { toWrites } from "./to-writes.js";

/** Answers its own routes, and 404 for the rest. */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: WritesConfig<P, DB> | Writes<P>,
): (request: IncomingMessage, response: ServerResponse) => void {
  const writes = toWrites(configOrWrites);
  return (request, response) => {
    const url = request.url ?? "/";
    if (writes.handles(request.method ?? "GET", url)) void answer(writes, request, response, url);
    else void send(request, response, message(404, "Not found."));
  };
}
