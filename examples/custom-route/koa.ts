/** Processes a transaction in your own Koa route. */
import Router from "@koa/router";
import Koa, { type Middleware } from "koa";
import bodyParser from "koa-bodyparser";
import { type Principal, toWire, type Writes } from "../../src/index.js";
import { userOf } from "./sessions.js";

export function uploads(writes: Writes<Principal>): Koa {
  const router = new Router();
  router.post("/upload", async (ctx) => {
    const userId = userOf(ctx.headers.cookie);
    if (userId === undefined) {
      ctx.status = 401;
      ctx.body = { message: "Sign in." };
      return;
    }
    const result = await writes.processTransaction(ctx.request.body, { principal: { userId } });
    ctx.body = toWire(result);
  });
  return new Koa().use(bodyParser({ jsonLimit: "16mb" })).use(router.routes() as Middleware);
}
