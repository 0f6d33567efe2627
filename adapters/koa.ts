/** For Koa: `app.use(powersyncWrites(config))`. */
import type { Context, Next } from "koa";
import type { Principal } from "../src/pipeline/layers.js";
import type { WriteResponse } from "../src/model.js";
import type { Writes } from "../src/writes.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  type Endpoint,
  toAdmin,
  toWrites,
  unhandled,
} from "./endpoint.js";
import { send, toWriteRequest, watch } from "./node-http.js";

export type { AdminOptionsOf, ConfigOf, RawRequest } from "./endpoint.js";

/** Assignable to Koa's `Middleware`. */
export type Middleware = (ctx: Context, next: Next) => Promise<void>;

/**
 * Middleware that answers its own routes and passes on the rest. `request.raw` is Koa's context.
 * Put it before a body parser: its own reader takes bodies beyond the parser's limit.
 */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<Context, P, DB> | Writes<P>,
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
  options: AdminOptionsOf<Context, P>,
): Middleware {
  return mounted(toAdmin(writes, options));
}

function mounted(endpoint: Endpoint): Middleware {
  return async (ctx, next) => {
    // Under `mount("/v1", …)` the path is what follows the mount; under `mount("/api/data", …)` it is the whole.
    const url = [ctx.url, ctx.originalUrl].find((candidate) =>
      endpoint.handles(ctx.method, candidate),
    );
    if (url === undefined) await next();
    else await respond(ctx, await answer(endpoint, ctx, url));
  };
}

/** Never rejects. */
async function answer(endpoint: Endpoint, ctx: Context, url: string): Promise<WriteResponse> {
  const caller = watch(ctx.res);
  try {
    const { body, rawBody } = ctx.request as {
      readonly body?: unknown;
      readonly rawBody?: unknown;
    };
    const request = toWriteRequest(ctx.req, url, caller.signal, { body, rawBody });
    return await endpoint.handle({ ...request, raw: ctx });
  } catch {
    return unhandled;
  } finally {
    caller.stop();
  }
}

/** Left to Koa, so that middleware upstream can read it, log it and add headers. */
async function respond(ctx: Context, result: WriteResponse): Promise<void> {
  if (ctx.headerSent) return;
  if (!ctx.req.complete) {
    // More of the body may be on its way, and Koa would close on a caller who is still sending.
    ctx.respond = false;
    return send(ctx.req, ctx.res, result);
  }
  const { vary, ...headers } = result.headers;
  ctx.status = result.status;
  ctx.set(headers);
  if (vary !== undefined) ctx.vary(vary);
  ctx.body = result.body;
  // Koa calls text without a type `text/plain`.
  if (headers["content-type"] === undefined) ctx.remove("content-type");
}
