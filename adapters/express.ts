/** Middleware for Express 4 and 5, and for other hosts whose middleware takes `(request, response, next)`. */
import type { ServerResponse } from "node:http";
import type { Principal } from "../src/context.js";
import type { Writes } from "../src/config/writes.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  type Mountable,
  otherHost,
  toAdmin,
  toWrites,
} from "./host.js";
import { type NodeRequest, serve } from "./node-http.js";

export type { AdminOptionsOf, ConfigOf, RawRequest } from "./host.js";
export type { NodeRequest } from "./node-http.js";

/** Assignable to Express's `RequestHandler`. */
export type Middleware = (request: NodeRequest, response: ServerResponse, next: () => void) => void;

/**
 * Middleware that answers the write endpoint's routes and passes other requests on. `request.raw` is Express's request.
 *
 * Mount it before `express.json()`, which refuses bodies above 100 kB and rounds 64-bit integers.
 *
 * @example
 * const app = express();
 * app.use(powersyncWrites({ authenticate, database, tables })); // POST /api/data
 * app.use(express.json());
 *
 * @throws TypeError for an invalid configuration
 */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<NodeRequest, P, DB> | Writes<P>,
): Middleware {
  return middleware(toWrites(configOrWrites));
}

/**
 * Middleware that answers the admin routes of the dead letters, at `/api/admin/dead-letters` unless `path` says otherwise.
 *
 * Only `guard` decides who may use them: `authenticate` is not called, and the guard must refuse the tokens of ordinary users.
 *
 * @example
 * app.use(powersyncWritesAdmin(writes, { guard: (request) => isOperator(request.raw) }));
 *
 * @throws TypeError without a guard
 */
export function powersyncWritesAdmin<P extends Principal>(
  writes: Writes<P>,
  options: AdminOptionsOf<NodeRequest, P>,
): Middleware {
  return middleware(toAdmin(writes, options));
}

function middleware(mountable: Mountable): Middleware {
  return (request, response, next) => {
    // Koa passes a function in its place.
    if (typeof (response as Partial<ServerResponse> | undefined)?.on !== "function")
      throw otherHost("express", "Express's (request, response, next)");
    const method = request.method ?? "GET";
    // `app.use("/v1", …)` strips the mount from `url`, so there `url` is the path. `app.use("/api/data", …)` strips the endpoint's path itself,
    // which is then only in `originalUrl`.
    const url = [request.url, request.originalUrl].find(
      (candidate) => candidate !== undefined && mountable.handles(method, candidate),
    );
    if (url === undefined) next();
    else void serve(mountable, request, response, url);
  };
}
