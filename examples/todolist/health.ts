/** The routes for a load balancer: whether the process is alive, and whether it can serve uploads. */
import express, { type Router } from "express";
import type { Principal, Writes } from "../../src/index.js";

export function healthRoutes(writes: Writes<Principal>): Router {
  const routes = express.Router();
  routes.get("/healthz", (_request, response) => {
    response.json(writes.health());
  });
  // The problems name tables and roles, so they are only in the log.
  routes.get("/readyz", async (_request, response) => {
    const { ready } = await writes.ready();
    response.status(ready ? 200 : 503).json({ ready });
  });
  return routes;
}
