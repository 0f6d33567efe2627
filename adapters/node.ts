/** For plain `node:http`: `createServer(powersyncWrites(config))`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal } from "../src/layer.js";
import type { Writes } from "../src/writes.js";
import { notFound } from "./answers.js";
import { answer, send } from "./node-http.js";
import { type ConfigOf, toWrites } from "./to-writes.js";

export type { ConfigOf, RawRequest } from "./to-writes.js";

/** Answers its own routes, and 404 for the rest. */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<IncomingMessage, P, DB> | Writes<P>,
): (request: IncomingMessage, response: ServerResponse) => void {
  const writes = toWrites(configOrWrites);
  return (request, response) => {
    const url = request.url ?? "/";
    if (writes.handles(request.method ?? "GET", url)) void answer(writes, request, response, url);
    else void send(request, response, notFound);
  };
}
