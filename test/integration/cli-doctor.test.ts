/** `doctor --url`: what is wrong with a deployment is named, with what to do about it. */
import { createServer, request as ask, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { SignJWT } from "jose";
import { afterEach, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/node.js";
import { anonymous, createWrites, retryable, unauthenticated } from "../../src/index.js";
import { jwt } from "../../src/jwt/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { runHere } from "../support/command.js";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((done) => server.once("listening", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const tables = { lists: { columns: { id: "uuid", owner_id: "text" } } } as const;

function endpoint(config: object = {}): RequestListener {
  return powersyncWrites(
    createWrites({
      authenticate: () => {
        throw unauthenticated();
      },
      database: memoryStore({ tables }),
      tables: { lists: { owner: "owner_id" } },
      logger: false,
      ...config,
    }),
  );
}

interface Verdict {
  readonly level: string;
  readonly what: string;
  readonly detail?: string;
}

async function doctor(
  base: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; verdict: (what: string) => Verdict | undefined }> {
  const all = ["doctor", "--url", `${base}/api/data`, "--json", ...args];
  const { code, text } = await runHere(all, { cwd: tmpdir(), env });
  const { sections } = JSON.parse(text) as { sections: { verdicts: Verdict[] }[] };
  const verdicts = sections.flatMap((section) => section.verdicts);
  return { code, verdict: (what) => verdicts.find((each) => each.what === what) };
}

it("finds nothing wrong where nothing is", async () => {
  const cors = { origins: ["https://app.example.com"] };
  const base = await serving(endpoint({ cors }));
  const { code, verdict } = await doctor(base, ["--origin", "https://app.example.com"]);
  expect(code).toBe(0);
  for (const what of [
    "reachable",
    "clock",
    "the endpoint",
    "the contract",
    "an upload without a token",
    "a stranger's token",
    "a body of 2 MiB",
    "CORS",
  ]) {
    expect([what, verdict(what)]).toEqual([what, expect.objectContaining({ level: "ok" })]);
  }
  expect(verdict("health")).toMatchObject({
    level: "info",
    detail: expect.stringContaining("mount"),
  });
});

it("names what does not answer, and what is no endpoint", async () => {
  const nobody = await doctor("http://127.0.0.1:1");
  expect([nobody.code, nobody.verdict("reachable")]).toEqual([
    1,
    expect.objectContaining({ level: "error", detail: expect.stringContaining("does not answer") }),
  ]);
  const other = await doctor(await serving((_request, response) => response.writeHead(404).end()));
  expect(other.verdict("the endpoint")?.detail).toMatch(/answered 404.*endpoint's, with its path/);
  const moved = await doctor(
    await serving((_, response) =>
      response.writeHead(301, { location: "https://x.example.com/" }).end(),
    ),
  );
  expect(moved.verdict("the endpoint")?.detail).toContain("redirects to https://x.example.com/");
});

it("names an endpoint that lets everybody in", async () => {
  const base = await serving(endpoint({ authenticate: anonymous() }));
  const { code, verdict } = await doctor(base);
  expect(code).toBe(1);
  expect(verdict("an upload without a token")).toMatchObject({ level: "error" });
  expect(verdict("a stranger's token")?.detail).toContain("signatures are not checked");
});

it("names keys that can't be fetched, by the server and from here", async () => {
  const jwksUri = "http://127.0.0.1:1/jwks.json";
  const settings = { jwksUri, allowLoopbackHttp: true, issuer: false, audience: false } as const;
  const base = await serving(endpoint({ authenticate: jwt(settings) }));
  const token = await new SignJWT({ sub: "alice" })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("5m")
    .sign(new Uint8Array(32));
  const signed = `${btoa('{"alg":"ES256","kid":"k"}').replaceAll("=", "")}${token.slice(token.indexOf("."))}`;
  const env = { POWERSYNC_WRITES_TOKEN: signed };
  const { verdict } = await doctor(base, ["--jwks", jwksUri], env);
  expect(verdict("an upload of a user")?.detail).toMatch(/503.*keys.*jwksUri/);
  expect(verdict("an upload without a token")).toMatchObject({ level: "ok" });
  expect(verdict("a stranger's token")?.detail).toMatch(/503.*keys.*jwksUri/);
  expect(verdict("the key set")).toMatchObject({ level: "error" });
});

it("names pages that CORS keeps out, and a clock that is wrong", async () => {
  const handle = endpoint({ cors: { origins: ["https://app.example.com"] } });
  const base = await serving((request, response) => {
    response.setHeader("date", new Date(Date.now() - 600_000).toUTCString());
    handle(request, response);
  });
  const { verdict } = await doctor(base, ["--origin", "https://other.example.com"]);
  expect(verdict("CORS")).toMatchObject({
    level: "error",
    detail: expect.stringContaining("`cors`"),
  });
  expect(verdict("clock")).toMatchObject({
    level: "warning",
    detail: expect.stringMatching(/59\d s|600 s/),
  });
});

it("names a proxy that takes smaller bodies, and health that is not well", async () => {
  const behind = new URL(await serving(endpoint()));
  const base = await serving((request, response) => {
    if (request.url === "/readyz") return void response.writeHead(503).end();
    if (Number(request.headers["content-length"]) > 1024 * 1024) {
      request.resume();
      request.on("end", () => response.writeHead(413).end());
      return;
    }
    const { method, headers, url: path } = request;
    const { hostname, port } = behind;
    const on = ask({ hostname, port, method, headers, path }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(on);
  });
  const { verdict } = await doctor(base);
  expect(verdict("a body of 2 MiB")?.detail).toMatch(/express\.json\(\).*client_max_body_size/);
  expect(verdict("ready")).toMatchObject({ level: "error" });
});

it("tries a user's token, and never shows it", async () => {
  const token = "the-users-own-token";
  const refuses = await serving(endpoint());
  const text = (
    await runHere(["doctor", "--url", `${refuses}/api/data`], {
      cwd: tmpdir(),
      env: { POWERSYNC_WRITES_TOKEN: token },
    })
  ).text;
  expect(text).toContain("an upload of a user: is refused (401)");
  expect(text).not.toContain(token);
  const busy = await serving(
    endpoint({
      authenticate: () => {
        throw retryable(`Not now, ${token}.`);
      },
    }),
  );
  const { verdict } = await doctor(busy, [], { POWERSYNC_WRITES_TOKEN: token });
  expect(verdict("an upload of a user")).toMatchObject({ level: "error" });
  expect(JSON.stringify(verdict("an upload of a user"))).not.toContain(token);
});
