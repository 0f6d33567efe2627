import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWK, type JWTPayload } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { isRetryable, isUnauthenticated } from "../../src/errors.js";
import { createTokenCache } from "../../src/jwt/authenticator.js";
import {
  type JwksUriOptions,
  jwt,
  type JwtOptions,
  type JwtPrincipal,
  type SecretOptions,
} from "../../src/jwt/index.js";
import type { WriteRequest } from "../../src/model.js";

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

const remote = (jwksUri: string | URL, options: Partial<JwksUriOptions> = {}) =>
  jwt({ jwksUri, issuer, audience, allowLoopbackHttp: true, ...options });

async function thrown(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable("It should have been refused."),
    (error: unknown) => error,
  );
}

const invalid = "The token is not valid.";

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Sets the clock alone: timers, and what waits for them, go on. */
function later(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Refuses with 401 and this message. */
async function refusal(authorization?: string, authenticate = local()): Promise<string> {
  const error = await thrown(authenticate(request(authorization)));
  if (!isUnauthenticated(error)) throw error;
  return error.message;
}

/** Refuses a good token with this error, because of its key set. */
async function failure(jwksUri: string, options: Partial<JwksUriOptions> = {}): Promise<unknown> {
  const authenticate = remote(jwksUri, options);
  const error = await thrown(authenticate(request(`Bearer ${await token()}`)));
  if (!isRetryable(error)) throw error;
  return error;
}

const unavailable = {
  message: "The caller's token can't be verified right now.",
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

describe("a secret", () => {
  const secret = "a secret that nobody can guess, of fifty bytes or so";
  const signed = (alg: string, kid?: string) =>
    new SignJWT({ sub: "ann", iss: issuer, aud: audience, exp: now() + 60 })
      .setProtectedHeader(kid === undefined ? { alg } : { alg, kid })
      .sign(new TextEncoder().encode(secret));
  const shared = (options: Partial<SecretOptions> = {}) =>
    jwt({ secret, algorithms: ["HS256"], issuer, audience, ...options });

  test("by name lets its tokens in, and no others", async () => {
    expect((await shared()(request(`Bearer ${await signed("HS256")}`))).userId).toBe("ann");
    const bytes = shared({ secret: new TextEncoder().encode(secret) });
    expect((await bytes(request(`Bearer ${await signed("HS256", "any")}`))).userId).toBe("ann");
    expect(await refusal(`Bearer ${await signed("HS384")}`, shared())).toBe(invalid);
    expect(await refusal(`Bearer ${await token()}`, shared())).toBe(invalid);
    const other = shared({ secret: secret.toUpperCase() });
    expect(await refusal(`Bearer ${await signed("HS256")}`, other)).toBe(invalid);
  });

  test("with a key id counts for that one alone", async () => {
    const named = shared({ keyId: "k1" });
    expect((await named(request(`Bearer ${await signed("HS256", "k1")}`))).userId).toBe("ann");
    expect(await refusal(`Bearer ${await signed("HS256", "k2")}`, named)).toBe(invalid);
    expect(await refusal(`Bearer ${await signed("HS256")}`, named)).toBe(invalid);
  });

  test("changed after the start changes nothing", async () => {
    const bytes = new TextEncoder().encode(secret);
    const authenticate = shared({ secret: bytes });
    bytes.fill(0);
    expect((await authenticate(request(`Bearer ${await signed("HS256")}`))).userId).toBe("ann");
  });

  test("beside public keys, each signer by its own", async () => {
    const authenticate = jwt([
      { jwks: { keys }, issuer, audience },
      { secret, algorithms: ["HS256"], issuer, audience },
    ]);
    expect((await authenticate(request(`Bearer ${await signed("HS256")}`))).userId).toBe("ann");
    expect((await authenticate(request(`Bearer ${await token()}`))).userId).toBe("ann");
  });
});

describe("key ids", () => {
  const nameless = () => {
    const { kid: _, ...key } = keys[0] ?? {};
    return [key as JWK, ...keys.slice(1)];
  };

  test("a key without one fits every token", async () => {
    const authenticate = jwt({ jwks: { keys: nameless() }, issuer, audience });
    const given = await token({ kid: "of the provider's" });
    expect((await authenticate(request(`Bearer ${given}`))).userId).toBe("ann");
    const foreign = await token({ key: stranger, kid: "of the provider's" });
    expect(await refusal(`Bearer ${foreign}`, authenticate)).toBe(invalid);
  });

  test("strict: a token without one fits keys without one alone", async () => {
    const strict = jwt({ jwks: { keys: nameless() }, strictKeyIds: true, issuer, audience });
    const first = await token({ kid: "" });
    expect((await strict(request(`Bearer ${first}`))).userId).toBe("ann");
    expect(await refusal(`Bearer ${await token({ key: two, kid: "" })}`, strict)).toBe(invalid);
  });

  test("that are no text", async () => {
    expect(await refusal(`Bearer ${await token({ kid: "", header: { kid: 7 } })}`)).toBe(invalid);
  });
});

describe("more to ask of a token", () => {
  test("a limited lifetime", async () => {
    const short = local({ maxLifetime: 60 });
    const iat = now();
    const good = await token({ claims: { iat, exp: iat + 60 } });
    expect((await short(request(`Bearer ${good}`))).userId).toBe("ann");
    const long = await token({ claims: { iat, exp: iat + 61 } });
    expect(await refusal(`Bearer ${long}`, short)).toBe(invalid);
    expect(await refusal(`Bearer ${await token()}`, short)).toBe(invalid);
  });

  test.each([false, undefined, Promise.resolve(true)])("accept gives %s", async (verdict) => {
    const authenticate = local({ accept: () => verdict as boolean });
    expect(await refusal(`Bearer ${await token()}`, authenticate)).toBe(invalid);
  });

  test("accept sees verified claims alone, and its bug is not the token's fault", async () => {
    const seen: unknown[] = [];
    const authenticate = local({
      accept: ({ sub }) => {
        seen.push(sub);
        if (sub === "eve") throw new RangeError("A bug.");
        return sub === "ann";
      },
    });
    await refusal(`Bearer ${await token({ key: stranger })}`, authenticate);
    expect(seen).toEqual([]);
    expect((await authenticate(request(`Bearer ${await token()}`))).userId).toBe("ann");
    const bug = authenticate(request(`Bearer ${await token({ claims: { sub: "eve" } })}`));
    expect(await thrown(bug)).toBeInstanceOf(RangeError);
  });

  test("any issuer and audience, by name alone", async () => {
    const any = local({ issuer: false, audience: false });
    const claims = { iss: undefined, aud: undefined };
    expect((await any(request(`Bearer ${await token({ claims })}`))).userId).toBe("ann");
  });

  test("one of several issuers", async () => {
    const several = local({ issuer: ["https://old.test", issuer] });
    expect((await several(request(`Bearer ${await token()}`))).userId).toBe("ann");
    const other = await token({ claims: { iss: "https://other.test" } });
    expect(await refusal(`Bearer ${other}`, several)).toBe(invalid);
  });
});

describe("several signers", () => {
  const other = "https://other.test";
  let strangers: JWK[];
  beforeAll(async () => {
    strangers = [{ ...(await exportJWK(stranger.publicKey)), kid: "one" }];
  });

  test("each by its own keys, whatever the key id says", async () => {
    const both = jwt([
      { jwks: { keys }, issuer, audience },
      { jwks: { keys: strangers }, issuer: other, audience },
    ]);
    const theirs = await token({ key: stranger, claims: { iss: other } });
    expect((await both(request(`Bearer ${theirs}`))).userId).toBe("ann");
    expect((await both(request(`Bearer ${await token()}`))).userId).toBe("ann");
    expect(await refusal(`Bearer ${await token({ key: stranger })}`, both)).toBe(invalid);
    expect(await refusal(`Bearer ${await token({ claims: { iss: other } })}`, both)).toBe(invalid);
  });

  test("one's outage: 503, unless another vouches for the token, or the issuer is nobody's", async () => {
    const away = () => Promise.reject(new Error("away"));
    const both = jwt([
      { jwksUri: "https://away.test/", fetch: away, issuer, audience },
      { jwks: { keys }, issuer, audience },
    ]);
    expect((await both(request(`Bearer ${await token()}`))).userId).toBe("ann");
    const unknown = await token({ key: stranger });
    expect(isRetryable(await thrown(both(request(`Bearer ${unknown}`))))).toBe(true);
    const foreign = await token({ claims: { iss: other } });
    expect(await refusal(`Bearer ${foreign}`, both)).toBe(invalid);
  });
});

describe("verified tokens", () => {
  afterEach(() => void vi.useRealTimers());

  /** Counts verifications by what `accept` sees. */
  const counting = (options: Partial<JwtOptions> = {}) => {
    const seen: unknown[] = [];
    const accept = ({ sub }: JWTPayload) => seen.push(sub) > 0;
    return { seen, authenticate: local({ accept, ...options }) };
  };

  test("are not verified again for a minute", async () => {
    const { seen, authenticate } = counting();
    const given = request(`Bearer ${await token({ claims: { exp: now() + 600 } })}`);
    for (let n = 0; n < 3; n++) await authenticate(given);
    expect(seen).toHaveLength(1);
    later(59_000);
    await authenticate(given);
    expect(seen).toHaveLength(1);
    later(2_000);
    await authenticate(given);
    expect(seen).toHaveLength(2);
  });

  test("never past exp, and as far past it as clocks may differ", async () => {
    const given = request(`Bearer ${await token({ claims: { exp: now() + 30 } })}`);
    const authenticate = local();
    const tolerant = local({ clockTolerance: 10 });
    for (const one of [authenticate, tolerant]) expect((await one(given)).userId).toBe("ann");
    later(31_000);
    expect(await refusal(given.headers.get("authorization") ?? "", authenticate)).toBe(
      "The token has expired.",
    );
    expect((await tolerant(given)).userId).toBe("ann");
    later(10_000);
    expect(isUnauthenticated(await thrown(tolerant(given)))).toBe(true);
  });

  test("not before nbf, should the clock be set back", async () => {
    const authenticate = local();
    const given = request(`Bearer ${await token({ claims: { nbf: now(), exp: now() + 600 } })}`);
    expect((await authenticate(given)).userId).toBe("ann");
    later(-10_000);
    expect(isUnauthenticated(await thrown(authenticate(given)))).toBe(true);
  });

  test("not at all, where that is asked for", async () => {
    const { seen, authenticate } = counting({ tokenCacheMs: 0 });
    const given = request(`Bearer ${await token()}`);
    await authenticate(given);
    await authenticate(given);
    expect(seen).toHaveLength(2);
  });

  test("are known by all of their letters", async () => {
    const authenticate = local();
    const given = await token();
    await authenticate(request(`Bearer ${given}`));
    // The last letter of a signature of 64 bytes carries 4 bits that say nothing.
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = letters[letters.indexOf(given.at(-1) ?? "") + 1];
    expect(await refusal(`Bearer ${given.slice(0, -1)}${last}`, authenticate)).toBe(invalid);
    expect(await refusal(`Bearer ${given}=`, authenticate)).toBe(invalid);
  });

  test("refused ones are looked at again", async () => {
    let open = false;
    const authenticate = local({ accept: () => open });
    const given = `Bearer ${await token()}`;
    expect(await refusal(given, authenticate)).toBe(invalid);
    open = true;
    expect((await authenticate(request(given))).userId).toBe("ann");
  });

  test("no request can change another's claims", async () => {
    const authenticate = local();
    const given = request(`Bearer ${await token({ claims: { app: { roles: ["user"] } } })}`);
    for (let n = 0; n < 2; n++) {
      const principal = await authenticate(given);
      const app = principal.claims["app"] as { roles: string[] };
      expect(() => app.roles.push("admin")).toThrow(TypeError);
      Object.assign(principal, { userId: "bob", extra: true });
    }
    expect(await authenticate(given)).toEqual({
      userId: "ann",
      claims: expect.objectContaining({ app: { roles: ["user"] } }) as unknown,
    });
  });

  test("no more than a thousand, the least used go first", () => {
    const cache = createTokenCache(3);
    for (const name of ["a", "b", "c"]) cache.add(name, { sub: name }, Date.now() + 1_000);
    expect(cache.get("a")).toEqual({ sub: "a" });
    cache.add("d", { sub: "d" }, Date.now() + 1_000);
    expect(cache.get("b")).toBeUndefined();
    expect(["a", "c", "d"].map((name) => cache.get(name)?.sub)).toEqual(["a", "c", "d"]);
    cache.add("late", { sub: "late" }, Date.now());
    expect(cache.get("late")).toBeUndefined();
    expect(cache.get("a")).toEqual({ sub: "a" });
  });
});

describe("a key set over HTTP", () => {
  // No cooldown passes but what a test lets pass.
  beforeEach(() => later(0));
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
    const authenticate = remote(new URL(jwksUri));
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

  test("nobody answers", async () => {
    const asked = deferred();
    const jwksUri = await serve(asked.resolve);
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let given = false;
    const refused = failure(jwksUri).finally(() => (given = true));
    await asked.promise;
    await vi.advanceTimersByTimeAsync(4_999);
    expect(given).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await refused).toMatchObject(unavailable);
  });

  test("the answer never ends", async () => {
    const jwksUri = await serve((_, response) => void response.write('{"keys":['));
    expect(await failure(jwksUri, { jwksCache: { timeoutMs: 300 } })).toMatchObject(unavailable);
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

  test.each([
    ['{"issuer":"https://id.example.com","jwks_uri":"https://id.example.com/keys"}', "`jwks_uri`"],
    ['{"keys":{}}', "is not a key set"],
    ["null", "is not a key set"],
    ['"keys"', "is not a key set"],
  ])("what is no key set is named: %s", async (text, said) => {
    const error = await failure(await serve((_, response) => void response.end(text)));
    const { cause } = (error as Error).cause as Error;
    expect((cause as Error).message).toContain(said);
  });

  test("it has a broken key of that id", async () => {
    const broken = [{ ...keys[0], x: "AA" }];
    const refused = await failure(
      await serve((_, response) => void response.end(JSON.stringify({ keys: broken }))),
    );
    expect(refused).toMatchObject(unavailable);
  });

  test("what went wrong is told to the events, and to nobody else", async () => {
    const cause = new Error("getaddrinfo ENOTFOUND issuer.test");
    const error = await failure("https://issuer.test/", { fetch: () => Promise.reject(cause) });
    expect(error).toMatchObject({
      message: unavailable.message,
      cause: {
        message: expect.stringMatching(
          /^The keys can't be fetched from https:\/\/issuer\.test\/\. Remedy: /,
        ),
      },
    });
    expect(((error as Error).cause as Error).cause).toBe(cause);
  });

  test("a fetch that throws at once", async () => {
    const own = (() => {
      throw new TypeError("A bug.");
    }) as typeof fetch;
    expect(await failure("https://issuer.test/jwks.json", { fetch: own })).toMatchObject(
      unavailable,
    );
  });

  test("comes back: the first request after the pause is let in", async () => {
    let down = true;
    const jwksUri = await serve((_, response) => {
      response.statusCode = down ? 503 : 200;
      response.end(JSON.stringify({ keys }));
    });
    const authenticate = remote(jwksUri, { jwksCache: { cooldownMs: 1_000 } });
    const given = request(`Bearer ${await token()}`);
    expect(isRetryable(await thrown(authenticate(given)))).toBe(true);
    down = false;
    // Not asked again yet.
    expect(isRetryable(await thrown(authenticate(given)))).toBe(true);
    later(1_000);
    expect((await authenticate(given)).userId).toBe("ann");
  });

  /** Serves what `keySet` says, or this status, and counts. */
  async function provider() {
    const state = { fetched: 0, status: 200, keys: [...keys] };
    const jwksUri = await serve((_, response) => {
      state.fetched++;
      response.statusCode = state.status;
      response.end(JSON.stringify({ keys: state.keys }));
    });
    return { state, jwksUri };
  }

  const ofAnn = async (parts: TokenParts = {}) =>
    request(
      `Bearer ${await token({ ...parts, claims: { exp: now() + 86_400, ...parts.claims } })}`,
    );

  test("an unknown key id: one fetch in each cooldown, in a row and at once", async () => {
    const { state, jwksUri } = await provider();
    const authenticate = remote(jwksUri, { jwksCache: { cooldownMs: 60_000 } });
    await authenticate(await ofAnn());
    const strangers = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => ofAnn({ kid: `kid ${n}` })),
    );
    const turned = async () => {
      for (const one of strangers.slice(50)) await thrown(authenticate(one));
      const rest = await Promise.all(strangers.map(async (one) => thrown(authenticate(one))));
      expect(rest.every(isUnauthenticated)).toBe(true);
    };
    await turned();
    expect(state.fetched).toBe(1);
    later(61_000);
    await turned();
    expect(state.fetched).toBe(2);
    later(61_000);
    const all = await Promise.all(strangers.map(async (one) => thrown(authenticate(one))));
    expect(all.every(isUnauthenticated)).toBe(true);
    expect(state.fetched).toBe(3);
  });

  test("an unknown key id while it is away: one fetch in each cooldown, and 503", async () => {
    const { state, jwksUri } = await provider();
    const authenticate = remote(jwksUri);
    await authenticate(await ofAnn());
    state.status = 500;
    later(31_000);
    for (let n = 0; n < 50; n++) {
      expect(isRetryable(await thrown(authenticate(await ofAnn({ kid: `kid ${n}` }))))).toBe(true);
    }
    expect(state.fetched).toBe(2);
    // Whose key is known is known.
    expect((await authenticate(await ofAnn({ claims: { n: 1 } }))).userId).toBe("ann");
  });

  test("away from the beginning: asked once in a while, whatever comes", async () => {
    const { state, jwksUri } = await provider();
    state.status = 503;
    const authenticate = remote(jwksUri);
    const refusals = await Promise.all(
      Array.from({ length: 100 }, async () => thrown(authenticate(await ofAnn()))),
    );
    expect(refusals.every(isRetryable)).toBe(true);
    for (let n = 0; n < 20; n++) await thrown(authenticate(await ofAnn()));
    expect(state.fetched).toBe(1);
    later(5_000);
    await thrown(authenticate(await ofAnn()));
    expect(state.fetched).toBe(2);
  });

  test("a new key counts at once, once the cooldown is over", async () => {
    const { state, jwksUri } = await provider();
    state.keys = keys.slice(0, 1);
    const authenticate = remote(jwksUri);
    await authenticate(await ofAnn());
    state.keys = keys;
    const rotated = { key: two, kid: "two" };
    expect(isUnauthenticated(await thrown(authenticate(await ofAnn(rotated))))).toBe(true);
    later(30_000);
    expect((await authenticate(await ofAnn(rotated))).userId).toBe("ann");
    expect(state.fetched).toBe(2);
  });

  test("a key that is gone counts until the keys are ten minutes old, and no longer", async () => {
    const { state, jwksUri } = await provider();
    const authenticate = remote(jwksUri, { tokenCacheMs: 300_000 });
    const given = await ofAnn();
    await authenticate(given);
    state.keys = keys.slice(1);
    later(599_000);
    expect((await authenticate(given)).userId).toBe("ann");
    // Verified a second ago, and yet.
    later(1_000);
    expect(isUnauthenticated(await thrown(authenticate(given)))).toBe(true);
    expect(state.fetched).toBe(2);
  });

  test("keys that can't be fetched again go on for an hour, and no longer", async () => {
    const { state, jwksUri } = await provider();
    const authenticate = remote(jwksUri);
    const given = await ofAnn();
    await authenticate(given);
    state.status = 500;
    later(1_800_000);
    expect((await authenticate(given)).userId).toBe("ann");
    expect((await authenticate(given)).userId).toBe("ann");
    expect(state.fetched).toBe(2);
    later(1_799_000);
    expect((await authenticate(given)).userId).toBe("ann");
    later(1_000);
    expect(isRetryable(await thrown(authenticate(given)))).toBe(true);
    state.status = 200;
    later(5_000);
    expect((await authenticate(given)).userId).toBe("ann");
  });

  test("that hangs holds up nobody whose key is known, but the first", async () => {
    let hanging: (() => void) | undefined;
    const fetch = async () => {
      if (hanging === undefined) return Response.json({ keys });
      hanging();
      return new Promise<never>(() => undefined);
    };
    const authenticate = remote("https://issuer.test/jwks.json", {
      fetch,
      jwksCache: { timeoutMs: 2_000 },
    });
    await authenticate(await ofAnn());
    // No time passes but what the test lets pass.
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const asked = deferred();
    hanging = asked.resolve;
    later(601_000);
    let letIn = false;
    const first = authenticate(await ofAnn()).finally(() => (letIn = true));
    await asked.promise;
    await vi.advanceTimersByTimeAsync(1_999);
    expect(letIn).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect((await first).userId).toBe("ann");
    later(6_000);
    const askedAgain = deferred();
    hanging = askedAgain.resolve;
    expect((await authenticate(await ofAnn({ claims: { n: 1 } }))).userId).toBe("ann");
    await askedAgain.promise;
  });

  test("a fetch that never ends is given up", async () => {
    let calls = 0;
    const never = () => new Promise<Response>(() => void calls++);
    const jwksUri = "https://issuer.test/jwks.json";
    const authenticate = jwt({
      jwksUri,
      issuer,
      audience,
      fetch: never,
      jwksCache: { timeoutMs: 100 },
    });
    expect(isRetryable(await thrown(authenticate(await ofAnn())))).toBe(true);
    later(5_000);
    expect(isRetryable(await thrown(authenticate(await ofAnn())))).toBe(true);
    expect(calls).toBe(2);
  });

  test("more than a megabyte is not read to its end", async () => {
    let sent = 0;
    const jwksUri = await serve((_, response) => {
      const more = () => {
        if (response.destroyed || sent > 64) return void response.end();
        sent++;
        response.write(" ".repeat(1_048_576), more);
      };
      more();
    });
    expect(await failure(jwksUri)).toMatchObject(unavailable);
    expect(sent).toBeLessThan(64);
  });

  test("an empty set signs nobody out", async () => {
    const { state, jwksUri } = await provider();
    const authenticate = remote(jwksUri);
    await authenticate(await ofAnn());
    state.keys = [];
    later(700_000);
    expect((await authenticate(await ofAnn())).userId).toBe("ann");
  });

  test("a redirect that a fetch of one's own has followed", async () => {
    const redirected: typeof fetch = async () =>
      Object.defineProperty(Response.json({ keys }), "redirected", { value: true });
    expect(await failure("https://issuer.test/jwks.json", { fetch: redirected })).toMatchObject(
      unavailable,
    );
  });

  test("a token of somebody else's issuer, algorithm or making never asks for the keys", async () => {
    const { state, jwksUri } = await provider();
    const authenticate = remote(jwksUri, { algorithms: ["ES256"] });
    const claims = { iss: "https://other.test" };
    for (const given of [
      await token({ claims }),
      await token({ header: { alg: "ES384" }, key: await generateKeyPair("ES384") }),
      new UnsecuredJWT({ sub: "ann", iss: issuer, aud: audience }).encode(),
      "a.b.c",
      "x".repeat(20_000),
    ]) {
      expect(await refusal(`Bearer ${given}`, authenticate)).toBe(invalid);
    }
    expect(state.fetched).toBe(0);
  });

  test("a token without a credential never asks for the keys", async () => {
    let fetched = 0;
    const jwksUri = await serve(() => fetched++);
    const error = await thrown(remote(jwksUri)(request()));
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
    ["a tolerance of an hour", { ...given, jwksUri, clockTolerance: 3_600 }],
    ["a user in the address", { ...given, jwksUri: "https://a:b@issuer.test/jwks.json" }],
    ["plain http on loopback", { ...given, jwksUri: "http://localhost:1/" }],
    ["plain http elsewhere", { ...given, jwksUri: "http://i.test/", allowLoopbackHttp: true }],
    ["a lifetime of nothing", { ...given, jwksUri, maxLifetime: 0 }],
    ["an accept that is no function", { ...given, jwksUri, accept: {} }],
    ["tokens kept for ever", { ...given, jwksUri, tokenCacheMs: Infinity }],
    ["keys kept for ever", { ...given, jwksUri, jwksCache: { maxAgeMs: Infinity } }],
    ["no pause between fetches", { ...given, jwksUri, jwksCache: { cooldownMs: 0 } }],
    ["fetches without an end", { ...given, jwksUri, jwksCache: { timeoutMs: 0 } }],
    ["stale before old", { ...given, jwksUri, jwksCache: { maxAgeMs: 9_000, maxStaleMs: 8_000 } }],
    ["nobody", []],
  ])("%s", (_, options) => {
    expect(() => jwt(options as JwtOptions)).toThrow(/^jwt: /);
    expect(() => jwt(options as JwtOptions)).toThrow(TypeError);
  });

  test("a private key among the keys", async () => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    const jwks = { keys: [await exportJWK(pair.privateKey)] };
    expect(() => jwt({ ...given, jwks })).toThrow("public keys");
  });

  const secret = "s".repeat(32);

  test.each<[string, object]>([
    ["a secret without its algorithm", { ...given, secret }],
    ["a secret with an algorithm for keys", { ...given, secret, algorithms: ["RS256"] }],
    ["a secret with two", { ...given, secret, algorithms: ["HS256", "HS384"] }],
    ["a secret with both kinds", { ...given, secret, algorithms: ["HS256", "RS256"] }],
    ["a secret beside keys", { ...given, secret, algorithms: ["HS256"], jwksUri }],
    [
      "a secret beside inline keys",
      { ...given, secret, algorithms: ["HS256"], jwks: { keys: [] } },
    ],
    ["no secret", { ...given, secret: "", algorithms: ["HS256"] }],
    ["a short secret", { ...given, secret: "s".repeat(31), algorithms: ["HS256"] }],
    ["a secret too short for its algorithm", { ...given, secret, algorithms: ["HS384"] }],
    ["a secret that is neither text nor bytes", { ...given, secret: 7, algorithms: ["HS256"] }],
    ["an inherited name as algorithm", { ...given, secret, algorithms: ["toString"] }],
    [
      "a public key as the secret",
      { ...given, algorithms: ["HS256"], secret: `-----BEGIN PUBLIC KEY-----\n${secret}` },
    ],
    [
      "a public JWK as the secret",
      { ...given, algorithms: ["HS256"], secret: `{"kty":"EC","x":"${secret}"}` },
    ],
  ])("%s", (_, options) => {
    expect(() => jwt(options as JwtOptions)).toThrow(/^jwt: /);
    expect(() => jwt(options as JwtOptions)).toThrow(TypeError);
  });

  test("say nothing of the secret", () => {
    expect(() => jwt({ ...given, secret: "hunter2", algorithms: ["HS256"] })).not.toThrow(
      /hunter2/,
    );
  });

  test.each([
    "http://localhost:1/",
    "http://127.0.0.2/",
    "http://[::1]:8080/",
    "http://idp.localhost/",
  ])("plain http on loopback, allowed by name: %s", (uri) => {
    expect(jwt({ ...given, jwksUri: uri, allowLoopbackHttp: true })).toBeTypeOf("function");
    expect(() => jwt({ ...given, jwksUri: uri })).toThrow("allowLoopbackHttp");
  });
});
