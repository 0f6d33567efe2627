/** For plain `node:http`: `createServer(powersyncWrites(config))`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal } from "../src/pipeline/layers.js";
import type { Writes } from "../src/writes.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  type Endpoint,
  notFound,
  toAdmin,
  toWrites,
} from "./endpoint.js";
import { answer, send } from "./node-http.js";

export type { AdminOptionsOf, ConfigOf, RawRequest } from "./endpoint.js";

/** Answers its own routes, and 404 for the rest. */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<IncomingMessage, P, DB> | Writes<P>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return mounted(toWrites(configOrWrites));
}

/**
 * The admin routes of the dead letters, at `/api/admin/dead-letters`, and 404 for the rest.
 * `guard` decides alone who may: `authenticate` is not asked, and a user's token must not pass it.
 *
 * @throws TypeError without a guard
 */
export function powersyncWritesAdmin<P extends Principal>(
  writes: Writes<P>,
  options: AdminOptionsOf<IncomingMessage, P>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return mounted(toAdmin(writes, options));
}

function mounted(endpoint: Endpoint) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const url = request.url ?? "/";
    if (endpoint.handles(request.method ?? "GET", url)) {
      void answer(endpoint, request, response, url);
    } else void send(request, response, notFound);
  };
}
