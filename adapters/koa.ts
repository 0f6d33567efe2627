/** Middleware for Koa. */
import type { Context, Next } from "koa";
import type { Principal } from "../src/context.js";
import type { WriteResponse } from "../src/model.js";
import type { Writes } from "../src/config/writes.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  type Mountable,
  otherHost,
  toAdmin,
  toWrites,
  unhandled,
} from "./host.js";
import { type ParsedBody, sendResponse, toWriteRequest, watchCaller } from "./node-http.js";

export type { AdminOptionsOf, ConfigOf, RawRequest } from "./host.js";

/** Assignable to Koa's `Middleware`. */
export type Middleware = (ctx: Context, next: Next) => Promise<void>;

/**
 * Middleware that answers the write endpoint's routes and passes other requests on. `request.raw` is Koa's context.
 *
 * Mount it before a body parser, which refuses bodies above its own limit and rounds 64-bit integers.
 *
 * @example
 * const app = new Koa();
 * app.use(powersyncWrites({ authenticate, database, tables })); // POST /api/data
 * app.use(bodyParser());
 *
 * @throws TypeError for an invalid configuration
 */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<Context, P, DB> | Writes<P>,
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
  options: AdminOptionsOf<Context, P>,
): Middleware {
  return middleware(toAdmin(writes, options));
}

function middleware(mountable: Mountable): Middleware {
  const run: Middleware = async (ctx, next) => {
    // `mount("/v1", …)` strips the mount from `url`, so there `url` is the path. `mount("/api/data", …)` strips the endpoint's path itself,
    // which is then only in `originalUrl`.
    const url = [ctx.url, ctx.originalUrl].find((candidate) =>
      mountable.handles(ctx.method, candidate),
    );
    if (url === undefined) await next();
    else await sendTo(ctx, await responseTo(ctx, mountable, url));
  };
  return (ctx, next) => {
    // Thrown and not rejected, because Express 4 does not await its middleware.
    if (typeof next !== "function") throw otherHost("koa", "Koa's (context, next)");
    return run(ctx, next);
  };
}

/** Never rejects. */
async function responseTo(ctx: Context, mountable: Mountable, url: string): Promise<WriteResponse> {
  const caller = watchCaller(ctx.res);
  try {
    const { body, rawBody } = ctx.request as ParsedBody;
    const request = toWriteRequest(ctx.req, url, caller.signal, { body, rawBody });
    return await mountable.handle({ ...request, raw: ctx });
  } catch {
    return unhandled;
  } finally {
    caller.stop();
  }
}

/** Sets the response on the context instead of sending it, so that middleware upstream can read it, log it and add headers. */
async function sendTo(ctx: Context, result: WriteResponse): Promise<void> {
  if (ctx.headerSent) return;
  if (!ctx.req.complete) {
    // The caller may still be sending the body. Koa would close the connection, and the caller would lose the response.
    ctx.respond = false;
    return sendResponse(ctx.req, ctx.res, result);
  }
  const { vary, ...headers } = result.headers;
  ctx.status = result.status;
  ctx.set(headers);
  if (vary !== undefined) ctx.vary(vary);
  ctx.body = result.body;
  // Koa adds `text/plain` to a text that has no type.
  if (headers["content-type"] === undefined) ctx.remove("content-type");
}
