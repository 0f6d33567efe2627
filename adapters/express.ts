/** For Express 4 and 5, and whatever else takes `(request, response, next)`. */
import type { ServerResponse } from "node:http";
import type { Principal } from "../src/pipeline/layers.js";
import type { Writes } from "../src/writes.js";
import { answer, type NodeRequest } from "./node-http.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  type Endpoint,
  toAdmin,
  toWrites,
} from "./endpoint.js";

export type { NodeRequest } from "./node-http.js";
export type { AdminOptionsOf, ConfigOf, RawRequest } from "./endpoint.js";

/** Assignable to Express's `RequestHandler`. */
export type Middleware = (request: NodeRequest, response: ServerResponse, next: () => void) => void;

/**
 * Middleware that answers its own routes and passes on the rest: `app.use(powersyncWrites(config))`.
 * Put it before `express.json()`: its own reader takes bodies beyond 100 kB, and keeps every digit of 64-bit integers.
 */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<NodeRequest, P, DB> | Writes<P>,
): Middleware {
  return mounted(toWrites(configOrWrites));
}

/**
 * Middleware with the admin routes of the dead letters, at `/api/admin/dead-letters`: `app.use(powersyncWritesAdmin(writes, { guard }))`.
 * `guard` decides alone who may: `authenticate` is not asked, and a user's token must not pass it.
 *
 * @throws TypeError without a guard
 */
export function powersyncWritesAdmin<P extends Principal>(
  writes: Writes<P>,
  options: AdminOptionsOf<NodeRequest, P>,
): Middleware {
  return mounted(toAdmin(writes, options));
}

function mounted(endpoint: Endpoint): Middleware {
  return (request, response, next) => {
    const method = request.method ?? "GET";
    // Under `app.use("/v1", …)` the path is what follows the mount; under `app.use("/api/data", …)` it is the whole.
    const url = [request.url, request.originalUrl].find(
      (candidate) => candidate !== undefined && endpoint.handles(method, candidate),
    );
    if (url === undefined) next();
    else void answer(endpoint, request, response, url);
  };
}
