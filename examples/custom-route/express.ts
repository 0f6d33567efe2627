/** Processes a transaction in your own Express route. */
import express, { type RequestHandler } from "express";
import { type Principal, toWire, type Writes } from "../../src/index.js";
import { userOf } from "./sessions.js";

const authenticated: RequestHandler = (request, response, next) => {
  response.locals["userId"] = userOf(request.headers.cookie);
  if (response.locals["userId"] === undefined) response.status(401).json({ message: "Sign in." });
  else next();
};

export function uploads(writes: Writes<Principal>) {
  return express().post(
    "/upload",
    authenticated,
    express.json({ limit: "16mb" }),
    async (request, response) => {
      const principal = { userId: String(response.locals["userId"]) };
      response.json(toWire(await writes.processTransaction(request.body, { principal })));
    },
  );
}
