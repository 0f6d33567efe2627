/**
 * A todo list's upload endpoint: Express, Postgres (or PGlite), and tokens; and a page that writes to it. `npm start` runs it; README
 * says how to use it.
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
    // It signs its users in with those tokens.
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
      "Warning: POWERSYNC_URL is set, but the database is in this process's memory, where no PowerSync service reads it: nothing will come back down. Set DATABASE_URL to the Postgres, MySQL or MongoDB that the service replicates from.",
    );
  }

  ready = await source.prepare(leaving.signal, (error, nextMs) =>
    log({ type: "no_tables_yet", error, nextMs }),
  );
  if (!ready) return;
  const page = devTokens === undefined ? "Try it:" : `Open ${url}/ in a browser, or try it here:`;
  console.log(`\nReady. ${page}\n\n${await curl(url, devTokens)}\n`);
  // Tables that were here before may be other ones than the rules are for. Uploads don't wait for this.
  const mismatches = await writes
    .check()
    .catch((error: unknown) => log({ type: "not_checked", error }));
  for (const mismatch of mismatches ?? []) log({ type: "mismatch", ...mismatch });
}

/** A command that works when pasted as it is; with an identity provider, once TOKEN is set. */
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

/** As a browser here would call it. */
function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function port(text = "6060"): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 65_535) throw new Error(`PORT=${text} is no port.`);
  return number;
}

type StartEvent =
  | { type: "no_tables_yet"; error: unknown; nextMs: number }
  | { type: "not_checked"; error: unknown }
  | ({ type: "mismatch" } & Mismatch);

/** One line of JSON. */
function log(event: WriteEvent | StartEvent): void {
  console.log(
    JSON.stringify(event, (_key, value: unknown) => (value instanceof Error ? said(value) : value)),
  );
}

/** What an error and its causes say; some drivers leave the message empty and say it by the code. */
function said(error: Error): string {
  const { code = "" } = error as { code?: string };
  const own = error.message === "" ? `${error.name} ${code}` : error.message;
  return error.cause instanceof Error ? `${own} (${said(error.cause)})` : own;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
