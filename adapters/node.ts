/** A request listener for plain `node:http`, without any framework. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Principal } from "../src/context.js";
import type { Writes } from "../src/config/writes.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  type Mountable,
  notFound,
  otherHost,
  toAdmin,
  toWrites,
} from "./host.js";
import { sendResponse, serve } from "./node-http.js";

export type { AdminOptionsOf, ConfigOf, RawRequest } from "./host.js";

/**
 * A request listener that answers the write endpoint's routes, and 404 for other requests. `request.raw` is the `IncomingMessage`.
 *
 * @example
 * createServer(powersyncWrites({ authenticate, database, tables })).listen(6060); // POST /api/data
 *
 * @throws TypeError for an invalid configuration
 */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<IncomingMessage, P, DB> | Writes<P>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return listener(toWrites(configOrWrites));
}

/**
 * A request listener that answers the admin routes of the dead letters, at `/api/admin/dead-letters` unless `path` says otherwise, and 404
 * for other requests.
 *
 * Only `guard` decides who may use them: `authenticate` is not called, and the guard must refuse the tokens of ordinary users.
 *
 * @example
 * createServer(powersyncWritesAdmin(writes, { guard })).listen(9000, "127.0.0.1");
 *
 * @throws TypeError without a guard
 */
export function powersyncWritesAdmin<P extends Principal>(
  writes: Writes<P>,
  options: AdminOptionsOf<IncomingMessage, P>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return listener(toAdmin(writes, options));
}

function listener(mountable: Mountable) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    // Koa passes a function in its place.
    if (typeof (response as Partial<ServerResponse> | undefined)?.on !== "function")
      throw otherHost("node", "Node's (request, response)");
    const url = request.url ?? "/";
    if (mountable.handles(request.method ?? "GET", url)) {
      void serve(mountable, request, response, url);
    } else void sendResponse(request, response, notFound);
  };
}
