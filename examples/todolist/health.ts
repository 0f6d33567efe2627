/** What a load balancer asks: is the process alive, and may it be sent uploads? */
import express, { type Router } from "express";
import type { Principal, Writes } from "../../src/index.js";

export function healthRoutes(writes: Writes<Principal>): Router {
  const routes = express.Router();
  routes.get("/healthz", (_request, response) => {
    response.json(writes.health());
  });
  // The problems name tables and roles; they are in the log, by their event.
  routes.get("/readyz", async (_request, response) => {
    const { ready } = await writes.ready();
    response.status(ready ? 200 : 503).json({ ready });
  });
  return routes;
}
