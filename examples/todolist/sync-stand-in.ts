/**
 * Stands in for a PowerSync service, so that the page runs without one: answers with checkpoints, and with a stream that stays open and sends no
 * data. Clients upload, but download nothing, so that changes of other users are visible only with a real service. Each user's stream takes one of
 * the six connections that a browser opens to a server.
 */
import express, { type RequestHandler, type Router } from "express";

/** The interval at which a real service sends its keepalive. */
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
