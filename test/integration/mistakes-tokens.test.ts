/** Common mistakes with tokens: the caller hears 401 or 503 and no more, and one line of the log names the mistake and the remedy. The token is in none. */
import { createServer } from "node:http";
import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWrites, type Principal } from "../../src/index.js";
import { jwt, type JwtOptions } from "../../src/jwt/index.js";
import { memoryStore } from "../../src/store/memory.js";
import {
  audience,
  goodClaims,
  type IdentityProvider,
  issuer,
  seconds,
  sign,
  type SigningKey,
  signingKey,
  startProvider,
} from "../support/identity-provider.js";
import { expectLine, readLog } from "../support/mistakes.js";

let key: SigningKey;
let foreign: SigningKey;
let provider: IdentityProvider;

beforeAll(async () => {
  key = await signingKey("RS256", "k1");
  foreign = await signingKey("RS256", "k1");
  provider = await startProvider([key.jwk]);
});
afterAll(() => provider.close());

async function call(
  token: string | undefined,
  more: Partial<JwtOptions> = {},
  headers: Record<string, string> = {},
) {
  const log = readLog();
  const authenticate = jwt({
    jwksUri: provider.url,
    allowLoopbackHttp: true,
    issuer,
    audience,
    ...more,
  } as JwtOptions);
  const writes = createWrites<Principal, never>({
    authenticate,
    database: memoryStore({ tables: { lists: { columns: { id: "uuid" } } } }) as never,
    tables: { lists: { access: "everyone" } },
    logger: log.logger,
  });
  const ask = (other = token) =>
    writes.handle({
      method: "POST",
      url: "/api/data",
      headers: new Headers({
        "content-type": "application/json",
        ...(other !== undefined && { authorization: `Bearer ${other}` }),
        ...headers,
      }),
      body: async () => new TextEncoder().encode(JSON.stringify({ transactions: [{ crud: [] }] })),
      signal: new AbortController().signal,
      raw: undefined,
    });
  const answer = await ask();
  if (token !== undefined)
    for (const part of token.split(".").filter((each) => each.length > 20))
      expect(log.lines.join("\n")).not.toContain(part);
  return { ...log, answer, ask };
}

const invalid = JSON.stringify({ message: "The token is not valid." });

describe("a token is refused, and the log says why:", () => {
  type Refused = readonly [string, () => Promise<string>, RegExp, RegExp, object];
  const refused: readonly Refused[] = [
    [
      "another audience",
      () => sign(key, { aud: "other-api" }),
      /401: .*Its audience is "other-api", but "my-api" is expected/,
      /write the token's own audience into `audience`/,
      {},
    ],
    [
      "no audience",
      () => sign(key, { aud: undefined }),
      /401: .*Its audience is "" \(it has none\)/,
      /Remedy: have the issuer put that into `aud`/,
      {},
    ],
    [
      "the issuer with a slash behind it",
      () => sign(key, { iss: `${issuer}/` }),
      /Its issuer is "https:\/\/id\.example\.com\/", but "https:\/\/id\.example\.com" is expected/,
      /differ only in the slash at the end: write `issuer` exactly as in the token/,
      {},
    ],
    [
      "another issuer",
      () => sign(key, { iss: "https://other.example" }),
      /Its issuer is "https:\/\/other\.example"/,
      /write the token's own `iss` into `issuer`/,
      {},
    ],
    [
      "another project's key of the same id",
      () => sign(foreign),
      /401: .*The signature does not match the key/,
      /Remedy: set jwksUri, jwks or secret to the keys of the project/,
      {},
    ],
    [
      "a key that is not published",
      async () => sign({ ...foreign, kid: "k9" }),
      /401: .*No key of the set has the token's key id/,
      /Remedy: set jwksUri or jwks to the keys/,
      {},
    ],
    [
      "not valid yet",
      () => sign(key, { nbf: seconds() + 40 }),
      /401: .*It is not valid yet \(\d+ s\)/,
      /this server's clock is behind the issuer's: .*clockTolerance/,
      {},
    ],
    [
      "a shared secret's, where public keys are meant",
      () =>
        new SignJWT(goodClaims())
          .setProtectedHeader({ alg: "HS256" })
          .sign(new TextEncoder().encode("x".repeat(32))),
      /401: .*Its algorithm is "HS256", which is not one of RS256/,
      /signed with a shared secret: give `secret` and `algorithms`/,
      {},
    ],
    [
      "a private key's, where a shared secret is meant",
      () => sign(key),
      /401: .*Its algorithm is "RS256", which is not one of HS256/,
      /give `jwksUri` instead of `secret`/,
      {
        jwksUri: undefined,
        allowLoopbackHttp: undefined,
        secret: "x".repeat(32),
        algorithms: ["HS256"],
      },
    ],
    [
      "another algorithm of shared secrets than the one that is meant",
      () =>
        new SignJWT(goodClaims())
          .setProtectedHeader({ alg: "HS512" })
          .sign(new TextEncoder().encode("x".repeat(64))),
      /401: .*Its algorithm is "HS512", which is not one of HS256/,
      /Remedy: if your issuer signs with it, write it into `algorithms`/,
      {
        jwksUri: undefined,
        allowLoopbackHttp: undefined,
        secret: "x".repeat(32),
        algorithms: ["HS256"],
      },
    ],
    [
      "a token that nobody has signed",
      async () => new UnsecuredJWT(goodClaims()).encode(),
      /401: .*Its algorithm is "none"/,
      /Remedy: the token is not signed: have the app send the token that its issuer has signed/,
      {},
    ],
    [
      "an opaque token",
      async () => "an-opaque-access-token-of-some-length",
      /401: .*The token is not a signed JWT/,
      /have the app send the access token/,
      {},
    ],
    [
      "without a user",
      () => sign(key, { sub: "" }),
      /401: .*The token has no `sub`/,
      /have its issuer put the user's id there/,
      {},
    ],
    [
      "too long a life",
      () => sign(key, { iat: seconds() }),
      /401: .*valid for longer than `maxLifetime`/,
      /raise maxLifetime/,
      { maxLifetime: 60 },
    ],
    [
      "refused by `accept`",
      () => sign(key),
      /401: .*`accept` did not return true/,
      /token of another kind/,
      { accept: () => false },
    ],
  ];

  it.each(refused)("%s", async (_mistake, token, mistake, remedy, options) => {
    const options2 = Object.fromEntries(
      Object.entries(options).filter(([, value]) => value !== undefined),
    );
    const base = "secret" in options ? { jwksUri: undefined, allowLoopbackHttp: undefined } : {};
    const log = await call(await token(), { ...base, ...options2 } as Partial<JwtOptions>);
    expect([log.answer.status, log.answer.body]).toEqual([401, invalid]);
    expectLine(log, mistake, remedy);
    // However often it comes.
    for (let time = 0; time < 5; time += 1) await log.ask();
    expect(log.lines).toHaveLength(1);
  });

  it("expired", async () => {
    const log = await call(await sign(key, { exp: seconds() - 30 }));
    expect(log.answer).toMatchObject({ status: 401, body: expect.stringMatching(/has expired/) });
    expectLine(log, /401: .*It has expired \(\d+ s\)/, /get a fresh token .*clockTolerance/);
  });

  it("no header at all", async () => {
    const log = await call(undefined);
    expect(log.answer.status).toBe(401);
    expectLine(log, /401: .*no Authorization header/, /each proxy pass it on/);
  });

  it("another scheme", async () => {
    const log = await call(undefined, {}, { authorization: "Basic YTpi" });
    expectLine(
      log,
      /401: .*does not contain a bearer token/,
      /send "Authorization: Bearer <token>"/,
    );
    expect(log.lines.join("\n")).not.toMatch(/YTpi/);
  });
});

describe("what callers say makes no flood of lines:", () => {
  it("other issuers are the same problem, and long ones are cut", async () => {
    const log = await call(await sign(key, { iss: `https://${"b".repeat(5_000)}.example` }));
    for (const name of ["c", 'd"e', "f\\"])
      await log.ask(await sign(key, { iss: `https://${name}.example` }));
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]?.length).toBeLessThan(1_000);
  });
});

describe("keys can't be had: 503 for the caller, and the log says why:", () => {
  const unavailable = JSON.stringify({
    message: "The caller's token can't be verified right now.",
  });

  it("the JWKS is not there", async () => {
    provider.answer = (_request, response) => void response.writeHead(404).end("Not found");
    try {
      const log = await call(await sign(key));
      expect([log.answer.status, log.answer.body]).toEqual([503, unavailable]);
      expectLine(log, /127\.0\.0\.1:\d+\/jwks\.json.*status 404/, /Remedy: check `jwksUri`/);
    } finally {
      provider.answer = undefined;
    }
  });

  it("a page in place of the JWKS", async () => {
    provider.answer = (_request, response) => void response.end("<html>Sign in</html>");
    try {
      const log = await call(await sign(key));
      expect(log.answer.status).toBe(503);
      expectLine(log, /jwks\.json.*SyntaxError/, /Remedy: check `jwksUri`/);
    } finally {
      provider.answer = undefined;
    }
  });

  it("nobody answers", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { readonly port: number };
    await new Promise((resolve) => server.close(resolve));
    const jwksUri = `http://127.0.0.1:${port}/jwks.json`;
    const log = await call(await sign(key), { jwksUri } as Partial<JwtOptions>);
    expect(log.answer.status).toBe(503);
    expectLine(
      log,
      /can't be fetched from http:\/\/127\.0\.0\.1:\d+\/jwks\.json.*ECONNREFUSED/,
      /Remedy/,
    );
  });

  it("a provider that says nothing", async () => {
    provider.answer = () => undefined;
    try {
      const more = { jwksCache: { timeoutMs: 100 } } as Partial<JwtOptions>;
      const log = await call(await sign(key), more);
      expect(log.answer.status).toBe(503);
      expectLine(log, /jwks\.json.*(?:within 100 ms|TimeoutError)/, /Remedy: check `jwksUri`/);
    } finally {
      provider.answer = undefined;
    }
  });
});
