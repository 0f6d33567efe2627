/**
 * Stands in for a PowerSync service, so that the page runs without one: a stream that stays open and tells nothing, and checkpoints.
 * It makes a client upload. It brings nothing down: what others have written is seen only with a real service. Each user's stream holds
 * one of the six connections that a browser opens to a server.
 */
import express, { type RequestHandler, type Router } from "express";

/** As often as the service says that it is still there. */
const tellEveryMs = 20_000;

export function syncStandIn(guard: RequestHandler): Router {
  const router = express.Router();
  router.post("/sync/stream", guard, (request, response) => {
    request.resume();
    response.writeHead(200, {
      "content-type": "application/x-ndjson",
      "cache-control": "no-store",
    });
    const tell = () => response.write(`${JSON.stringify({ token_expires_in: 3600 })}\n`);
    tell();
    const timer = setInterval(tell, tellEveryMs);
    response.on("close", () => clearInterval(timer));
  });
  router.get("/write-checkpoint2.json", guard, (_request, response) => {
    response.set("cache-control", "no-store").json({ data: { write_checkpoint: "1" } });
  });
  return router;
}
