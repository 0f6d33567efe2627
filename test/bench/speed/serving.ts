/** What the servers of the bench have in common. */
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { PGlite } from "@electric-sql/pglite";
import { SignJWT } from "jose";
import { owner } from "./workloads.js";

export interface Entry {
  readonly op_id: number;
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: "lists" | "todos";
  readonly id: string;
  readonly op_data?: Readonly<Record<string, unknown>>;
}

export interface Transaction {
  readonly crud: readonly Entry[];
}

/** Where a server of the bench writes. */
export interface BenchDatabase {
  readonly url: string;
  /** It lives in the process. */
  readonly pglite?: PGlite;
}

/** The bench's own, between processes that it starts itself. */
export const secret = new TextEncoder().encode("the bench's secret, which guards nothing");
export const issuer = "bench";
export const audience = "bench";

export async function token(): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(owner)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime("12h")
    .sign(secret);
}

export interface Listening {
  readonly url: string;
}

export async function listening(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  // Longer than the others take their turns: the bench keeps its connections.
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/api/data` };
}
