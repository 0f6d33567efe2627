import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWK } from "jose";
import { afterEach, beforeAll, describe, expect, expectTypeOf, test, vi } from "vitest";
import { isRetryable, isUnauthenticated } from "../../src/errors.js";
import { jwt, type JwtOptions, type JwtPrincipal } from "../../src/jwt.js";
import type { WriteRequest } from "../../src/request.js";

const issuer = "https://issuer.test";
const audience = "writes";

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let one: Keys;
let two: Keys;
let stranger: Keys;
let keys: JWK[];

beforeAll(async () => {
  [one, two, stranger] = await Promise.all([
    generateKeyPair("ES256"),
    generateKeyPair("ES256"),
    generateKeyPair("ES256"),
  ]);
  keys = [
    { ...(await exportJWK(one.publicKey)), kid: "one", use: "sig" },
    { ...(await exportJWK(two.publicKey)), kid: "two", use: "sig" },
  ];
});

function request(authorization?: string): WriteRequest {
  return {
    method: "POST",
    url: "/api/data",
    headers: new Headers(authorization === undefined ? {} : { authorization }),
    body: async () => undefined,
    signal: new AbortController().signal,
  };
}

interface TokenParts {
  claims?: Record<string, unknown>;
  key?: Keys;
  kid?: string | undefined;
  header?: Record<string, unknown>;
}

const now = () => Math.floor(Date.now() / 1_000);

function token({ claims = {}, key = one, kid = "one", header = {} }: TokenParts = {}) {
  const payload = { sub: "ann", iss: issuer, aud: audience, exp: now() + 60, ...claims };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: "ES256", ...(kid === "" ? {} : { kid }), ...header })
    .sign(key.privateKey);
}

const local = (options: Partial<JwtOptions> = {}) =>
  jwt({ jwks: { keys }, issuer, audience, ...options } as JwtOptions);

async function thrown(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable("It should have been refused."),
    (error: unknown) => error,
  );
}

const invalid = "The token is not valid.";

/** Refuses with 401 and this message. */
async function refusal(authorization?: string, authenticate = local()): Promise<string> {
  const error = await thrown(authenticate(request(authorization)));
  if (!isUnauthenticated(error)) throw error;
  return error.message;
}

/** Refuses a good token with this error, because of its key set. */
async function failure(jwksUri: string, options: { fetch?: typeof fetch } = {}): Promise<unknown> {
  const authenticate = jwt({ jwksUri, issuer, audience, ...options });
  const error = await thrown(authenticate(request(`Bearer ${await token()}`)));
  if (!isRetryable(error)) throw error;
  return error;
}

const unavailable = {
  message: "The caller's token can't be verified just now.",
  retryAfterMs: 5_000,
  cause: expect.any(Error) as unknown,
};

describe("a good token", () => {
  test("names the caller", async () => {
    const principal = await local()(request(`Bearer ${await token({ claims: { role: "x" } })}`));
    expectTypeOf(principal).toEqualTypeOf<JwtPrincipal>();
    expect(principal.userId).toBe("ann");
    expect(principal.claims).toMatchObject({ sub: "ann", role: "x", iss: issuer });
  });

  test("any case of the scheme, more than one blank", async () => {
    const signed = await token();
    for (const header of [`bearer ${signed}`, `BEARER   ${signed}`, ` Bearer ${signed} `]) {
      expect((await local()(request(header))).userId).toBe("ann");
    }
  });

  test("one of several audiences", async () => {
    const authenticate = local({ audience: ["a", "b"] });
    const given = await token({ claims: { aud: ["b", "c"] } });
    expect((await authenticate(request(`Bearer ${given}`))).userId).toBe("ann");
  });

  test("without a key id, while several keys fit", async () => {
    const given = await token({ key: two, kid: "" });
    expect((await local()(request(`Bearer ${given}`))).userId).toBe("ann");
  });

  test("within the clock's tolerance", async () => {
    const given = request(`Bearer ${await token({ claims: { exp: now() - 5 } })}`);
    expect(isUnauthenticated(await thrown(local()(given)))).toBe(true);
    expect((await local({ clockTolerance: 30 })(given)).userId).toBe("ann");
  });

  test.each(["RS256", "PS384", "ES512", "EdDSA"])("signed with %s", async (alg) => {
    const pair = await generateKeyPair(alg);
    const jwks = { keys: [await exportJWK(pair.publicKey)] };
    const signed = await token({ key: pair, kid: "", header: { alg } });
    const authenticate = jwt({ jwks, issuer, audience });
    expect((await authenticate(request(`Bearer ${signed}`))).userId).toBe("ann");
  });
});

describe("a bad token is 401", () => {
  test("none", async () => {
    expect(await refusal()).toBe("A bearer token is required.");
  });

  test("malformed", async () => {
    const good = await token();
    for (const header of [
      "",
      "Bearer",
      "Bearer ",
      "Basic YTpi",
      `Token ${good}`,
      good,
      `Bearer ${good} ${good}`,
      `Bearer ${good}, Bearer ${good}`,
      "Bearer a.b.c",
      "Bearer ....",
      `Bearer ${good.split(".").slice(0, 2).join(".")}`,
      `Bearer ${good}.x`,
      `Bearer ${"x".repeat(10_000)}`,
    ]) {
      expect(await refusal(header)).toBe(invalid);
    }
  });

  test("signed by somebody else", async () => {
    expect(await refusal(`Bearer ${await token({ key: stranger })}`)).toBe(
      "The token is not valid.",
    );
    // Every key that fits is tried, and none does.
    expect(await refusal(`Bearer ${await token({ key: stranger, kid: "" })}`)).toBe(invalid);
  });

  test("changed after signing", async () => {
    const [header, , signature] = (await token()).split(".");
    const payload = Buffer.from(
      JSON.stringify({ sub: "bob", iss: issuer, aud: audience, exp: now() + 60 }),
    ).toString("base64url");
    expect(await refusal(`Bearer ${header}.${payload}.${signature}`)).toBe(invalid);
  });

  test("expired", async () => {
    expect(await refusal(`Bearer ${await token({ claims: { exp: now() - 1 } })}`)).toBe(
      "The token has expired.",
    );
  });

  test.each([
    ["another issuer", { iss: "https://other.test" }],
    ["no issuer", { iss: undefined }],
    ["another audience", { aud: "other" }],
    ["no audience", { aud: undefined }],
    ["an empty sub", { sub: "" }],
    ["no sub", { sub: undefined }],
    ["a sub that is no text", { sub: 7 }],
    ["no exp", { exp: undefined }],
    ["an exp that is no number", { exp: "later" }],
    ["not yet valid", { nbf: 4_000_000_000 }],
  ])("%s", async (_, claims) => {
    expect(await refusal(`Bearer ${await token({ claims })}`)).toBe(invalid);
  });

  test("unsigned, or signed with a public key as the secret", async () => {
    const claims = { sub: "ann", iss: issuer, aud: audience, exp: now() + 60 };
    expect(await refusal(`Bearer ${new UnsecuredJWT(claims).encode()}`)).toBe(invalid);
    const secret = new TextEncoder().encode(JSON.stringify(keys[0]).padEnd(32));
    const symmetric = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: "one" })
      .sign(secret);
    expect(await refusal(`Bearer ${symmetric}`)).toBe(invalid);
  });

  test("an algorithm that is not among the chosen", async () => {
    expect(await refusal(`Bearer ${await token()}`, local({ algorithms: ["RS256"] }))).toBe(
      invalid,
    );
  });

  test("an unknown critical extension", async () => {
    const [, payload, signature] = (await token()).split(".");
    const header = Buffer.from('{"alg":"ES256","kid":"one","crit":["x"],"x":1}').toString(
      "base64url",
    );
    expect(await refusal(`Bearer ${header}.${payload}.${signature}`)).toBe(invalid);
  });

  test("a key id that the set does not have", async () => {
    expect(await refusal(`Bearer ${await token({ kid: "gone" })}`)).toBe(invalid);
  });
});

describe("a key set over HTTP", () => {
  let server: Server | undefined;

  afterEach(async () => {
    vi.useRealTimers();
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    server = undefined;
  });

  async function serve(listener: RequestListener): Promise<string> {
    const started = createServer(listener);
    server = started;
    await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(started.address() as AddressInfo).port}/jwks.json`;
  }

  test("is fetched once, and kept", async () => {
    let fetched = 0;
    const jwksUri = await serve((_, response) => {
      fetched++;
      response.end(JSON.stringify({ keys }));
    });
    const authenticate = jwt({ jwksUri: new URL(jwksUri), issuer, audience });
    const given = request(`Bearer ${await token()}`);
    await Promise.all([authenticate(given), authenticate(given)]);
    await authenticate(given);
    expect(fetched).toBe(1);
    const unknown = await thrown(authenticate(request(`Bearer ${await token({ kid: "gone" })}`)));
    expect(isUnauthenticated(unknown)).toBe(true);
    expect(fetched).toBe(1);
  });

  test("is fetched with the given fetch", async () => {
    const asked: string[] = [];
    const own: typeof fetch = async (input) => {
      asked.push(String(input));
      return Response.json({ keys });
    };
    const jwksUri = "https://issuer.test/jwks.json";
    const authenticate = jwt({ jwksUri, issuer, audience, fetch: own });
    expect((await authenticate(request(`Bearer ${await token()}`))).userId).toBe("ann");
    expect(asked).toEqual([jwksUri]);
  });

  test("nobody listens", async () => {
    const jwksUri = await serve(() => undefined);
    await new Promise((resolve) => server?.close(resolve));
    expect(await failure(jwksUri)).toMatchObject(unavailable);
  });

  test("nobody answers", { timeout: 10_000 }, async () => {
    const start = performance.now();
    expect(await failure(await serve(() => undefined))).toMatchObject(unavailable);
    expect(performance.now() - start).toBeLessThan(7_000);
  });

  test("the answer never ends", { timeout: 10_000 }, async () => {
    expect(
      await failure(await serve((_, response) => void response.write('{"keys":['))),
    ).toMatchObject(unavailable);
  });

  test.each([500, 404, 302, 204])("it answers %d", async (status) => {
    const jwksUri = await serve((_, response) => {
      response.writeHead(status, { location: "http://127.0.0.1:1/" }).end();
    });
    expect(await failure(jwksUri)).toMatchObject(unavailable);
  });

  test.each(["<html>", "", "[]", "null", '{"keys":{}}', '{"keys":[1]}', '{"error":"x"}'])(
    "it answers %j",
    async (text) => {
      expect(await failure(await serve((_, response) => void response.end(text)))).toMatchObject(
        unavailable,
      );
    },
  );

  test("it has a broken key of that id", async () => {
    const broken = [{ ...keys[0], x: "AA" }];
    const refused = await failure(
      await serve((_, response) => void response.end(JSON.stringify({ keys: broken }))),
    );
    expect(refused).toMatchObject(unavailable);
  });

  test("a fetch that throws at once", async () => {
    const own = (() => {
      throw new TypeError("A bug.");
    }) as typeof fetch;
    expect(await failure("https://issuer.test/jwks.json", { fetch: own })).toMatchObject(
      unavailable,
    );
  });

  test("comes back: the next request is let in", async () => {
    let down = true;
    const jwksUri = await serve((_, response) => {
      response.statusCode = down ? 503 : 200;
      response.end(JSON.stringify({ keys }));
    });
    const authenticate = jwt({ jwksUri, issuer, audience });
    const given = request(`Bearer ${await token()}`);
    expect(isRetryable(await thrown(authenticate(given)))).toBe(true);
    down = false;
    expect((await authenticate(given)).userId).toBe("ann");
  });

  test("a token without a credential never asks for the keys", async () => {
    let fetched = 0;
    const jwksUri = await serve(() => fetched++);
    const error = await thrown(jwt({ jwksUri, issuer, audience })(request()));
    expect(isUnauthenticated(error)).toBe(true);
    expect(fetched).toBe(0);
  });
});

describe("options that can't be right", () => {
  const given = { issuer, audience };
  const jwksUri = "https://issuer.test/jwks.json";

  test.each<[string, object]>([
    ["no issuer", { jwksUri, audience }],
    ["an empty issuer", { jwksUri, audience, issuer: "" }],
    ["no audience", { jwksUri, issuer }],
    ["an empty audience", { jwksUri, issuer, audience: "" }],
    ["no audience in the list", { jwksUri, issuer, audience: [] }],
    ["an empty audience in the list", { jwksUri, issuer, audience: ["a", ""] }],
    ["no keys", given],
    ["both kinds of keys", { ...given, jwksUri, jwks: { keys: [] } }],
    ["keys that are none", { ...given, jwks: {} }],
    ["a secret among the keys", { ...given, jwks: { keys: [{ kty: "oct", k: "AAAA" }] } }],
    ["an address that is none", { ...given, jwksUri: "/jwks.json" }],
    ["plain http", { ...given, jwksUri: "http://issuer.test/jwks.json" }],
    ["plain http, almost loopback", { ...given, jwksUri: "http://localhost.issuer.test/" }],
    ["plain http, almost loopback too", { ...given, jwksUri: "http://127.0.0.1.issuer.test/" }],
    ["another scheme", { ...given, jwksUri: "file:///etc/jwks.json" }],
    ["a symmetric algorithm", { ...given, jwksUri, algorithms: ["RS256", "HS256"] }],
    ["no algorithm", { ...given, jwksUri, algorithms: [] }],
    ["none as the algorithm", { ...given, jwksUri, algorithms: ["none"] }],
    ["a negative tolerance", { ...given, jwksUri, clockTolerance: -1 }],
  ])("%s", (_, options) => {
    expect(() => jwt(options as JwtOptions)).toThrow(/^jwt: /);
    expect(() => jwt(options as JwtOptions)).toThrow(TypeError);
  });

  test("a private key among the keys", async () => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    const jwks = { keys: [await exportJWK(pair.privateKey)] };
    expect(() => jwt({ ...given, jwks })).toThrow("public keys");
  });

  test.each([
    "http://localhost:1/",
    "http://127.0.0.2/",
    "http://[::1]:8080/",
    "http://idp.localhost/",
  ])("plain http on loopback is fine: %s", (uri) => {
    expect(jwt({ ...given, jwksUri: uri })).toBeTypeOf("function");
  });
});
