/** Hono, on any runtime that it supports. */
import { Hono } from "hono";
import { powersyncWrites } from "../../adapters/fetch.js";
import { configFor } from "./config.js";

const write = powersyncWrites(configFor(process.env));

const app = new Hono();
app.all("/api/data/*", (c) => write(c.req.raw));
app.get("/", (c) => c.text("The rest of the application."));

export default app;
