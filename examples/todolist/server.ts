/**
 * The demo: an upload endpoint for a todo list, with Express, Postgres (or PGlite) and tokens, and a page that writes to it. `npm start` runs it. See
 * the README.
 *
 * `PORT` (6060; 0 = any), `HOST` (127.0.0.1), `DATABASE_URL`, `POWERSYNC_URL`, and `JWKS_URL` with `JWT_ISSUER` and `JWT_AUDIENCE`.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { powersyncWrites } from "../../adapters/express.js";
import type { Mismatch, WriteEvent } from "../../src/index.js";
import { chooseAuthentication } from "./authentication.js";
import { type DevTokens, devTokenRoutes } from "./dev-token.js";
import { healthRoutes } from "./health.js";
import { pageRoutes } from "./page.js";
import { onSignal } from "./shutdown.js";
import { openSource } from "./source.js";

async function main(): Promise<void> {
  const source = await openSource(process.env["DATABASE_URL"]);
  const { authenticate, devTokens } = await chooseAuthentication(process.env);
  const writes = source.createWrites({ authenticate, onEvent: log });

  let ready = false;
  const app = express().disable("x-powered-by");
  app.use(powersyncWrites(writes));
  app.use(healthRoutes(writes));
  if (devTokens !== undefined) {
    app.use(devTokenRoutes(devTokens, () => ready));
    // The page signs its users in with these tokens.
    app.use(pageRoutes(process.env["POWERSYNC_URL"]));
  }

  const host = process.env["HOST"] || "127.0.0.1";
  const server = app.listen(port(process.env["PORT"]), host);
  const leaving = new AbortController();
  onSignal({ server, writes, source, leaving });
  await once(server, "listening");
  const url = `http://${shownHost(host)}:${(server.address() as AddressInfo).port}`;
  console.log(`Listening on ${url} (${source.name})`);
  if (devTokens !== undefined) {
    console.warn(
      `Warning: ${url}/dev/token signs a token for anybody on this computer. Set JWKS_URL to use an identity provider.`,
    );
  }

  if (source.inMemory && process.env["POWERSYNC_URL"]) {
    console.warn(
      "Warning: POWERSYNC_URL is set, but the database is in this process's memory, where no PowerSync service can read it, so nothing will be downloaded. Set DATABASE_URL to the Postgres, MySQL or MongoDB from which the service replicates.",
    );
  }

  ready = await source.prepare(leaving.signal, (error, nextMs) =>
    log({ type: "no_tables_yet", error, nextMs }),
  );
  if (!ready) return;
  const page = devTokens === undefined ? "Try it:" : `Open ${url}/ in a browser, or try it here:`;
  console.log(`\nReady. ${page}\n\n${await curl(url, devTokens)}\n`);
  // Existing tables may not match the rules. Uploads don't wait for this check.
  const mismatches = await writes
    .check()
    .catch((error: unknown) => log({ type: "not_checked", error }));
  for (const mismatch of mismatches ?? []) log({ type: "mismatch", ...mismatch });
}

/** Returns a command that can be pasted as it is. With an identity provider, TOKEN must be set first. */
async function curl(url: string, devTokens: DevTokens | undefined): Promise<string> {
  const authorization =
    devTokens === undefined
      ? '"authorization: Bearer $TOKEN"'
      : `'authorization: Bearer ${await devTokens.sign("alice")}'`;
  const list = {
    op: "PUT",
    table: "lists",
    id: crypto.randomUUID(),
    op_id: 1,
    op_data: { name: "Groceries" },
  };
  const body = { client_id: crypto.randomUUID(), transactions: [{ crud: [list] }] };
  return `curl -sS ${url}/api/data -H ${authorization} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
}

/** The host by which a browser on this computer can reach the server. */
function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function port(text = "6060"): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 65_535)
    throw new Error(`PORT=${text} is not a port. It must be a number from 0 to 65535.`);
  return number;
}

type StartEvent =
  | { type: "no_tables_yet"; error: unknown; nextMs: number }
  | { type: "not_checked"; error: unknown }
  | ({ type: "mismatch" } & Mismatch);

/** Writes an event as one line of JSON. */
function log(event: WriteEvent | StartEvent): void {
  console.log(
    JSON.stringify(event, (_key, value: unknown) => (value instanceof Error ? said(value) : value)),
  );
}

/** The messages of an error and its causes. Some drivers set only a code, and no message. */
function said(error: Error): string {
  const { code = "" } = error as { code?: string };
  const own = error.message === "" ? `${error.name} ${code}` : error.message;
  return error.cause instanceof Error ? `${own} (${said(error.cause)})` : own;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
