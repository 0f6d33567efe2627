/** A PowerSync service's `client_auth`, and that writes are let in by whom the service lets sync. */
import { base64url, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { isRetryable, isUnauthenticated } from "../../src/errors.js";
import {
  clientAuth,
  type ClientAuthOptions,
  jwt,
  type PowerSyncClientAuth,
} from "../../src/jwt/index.js";
import type { WriteRequest } from "../../src/model.js";

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let rsa: Pair;
let ec: Pair;
let ed: Pair;
let rsaKey: JWK;
let ecKey: JWK;
let edKey: JWK;
const k = base64url.encode("a shared secret of more than 32 bytes, for HS256");

beforeAll(async () => {
  [rsa, ec, ed] = await Promise.all([
    generateKeyPair("RS256", { extractable: true }),
    generateKeyPair("ES256"),
    generateKeyPair("EdDSA"),
  ]);
  rsaKey = { ...(await exportJWK(rsa.publicKey)), kid: "rsa", alg: "RS256" };
  ecKey = { ...(await exportJWK(ec.publicKey)), kid: "ec", alg: "ES256" };
  edKey = { ...(await exportJWK(ed.publicKey)), alg: "EdDSA" };
});

const now = () => Math.floor(Date.now() / 1_000);
const audience: [string, string] = ["https://instance.powersync.test", "other"];

interface Parts {
  readonly claims?: Record<string, unknown>;
  readonly alg?: string;
  readonly kid?: string;
  readonly key: CryptoKey | Uint8Array;
}

async function sign({ claims = {}, alg = "RS256", kid, key }: Parts): Promise<WriteRequest> {
  const token = await new SignJWT({
    sub: "ann",
    aud: audience[0],
    iat: now(),
    exp: now() + 60,
    ...claims,
  })
    .setProtectedHeader(kid === undefined ? { alg } : { alg, kid })
    .sign(key);
  return {
    method: "POST",
    url: "/api/data",
    headers: new Headers({ authorization: `Bearer ${token}` }),
    body: async () => undefined,
    signal: new AbortController().signal,
  };
}

type Verdict = "ann" | 401 | 503;

/** Whom the settings let in. */
async function verdict(
  section: PowerSyncClientAuth,
  request: WriteRequest,
  options: ClientAuthOptions = {},
): Promise<unknown> {
  try {
    return (await jwt(clientAuth(section, options))(request)).userId;
  } catch (error) {
    if (isUnauthenticated(error)) return 401;
    if (isRetryable(error)) return 503;
    throw error;
  }
}

const inline = (): PowerSyncClientAuth => ({ audience, jwks: { keys: [rsaKey, ecKey, edKey] } });
const ofRsa = async (claims: Record<string, unknown> = {}) =>
  sign({ key: rsa.privateKey, kid: "rsa", claims });

describe("inline keys", () => {
  test("of each kind", async () => {
    expect(await verdict(inline(), await ofRsa())).toBe("ann");
    const byEc = await sign({ key: ec.privateKey, kid: "ec", alg: "ES256" });
    expect(await verdict(inline(), byEc)).toBe("ann");
    const byEd = await sign({ key: ed.privateKey, alg: "EdDSA" });
    expect(await verdict(inline(), byEd)).toBe("ann");
  });

  test("a key without an id fits any token, one with an id only tokens with that id", async () => {
    const any = await sign({ key: ed.privateKey, alg: "EdDSA", kid: "whatever" });
    expect(await verdict(inline(), any)).toBe("ann");
    expect(await verdict(inline(), await sign({ key: rsa.privateKey }))).toBe(401);
    expect(await verdict(inline(), await sign({ key: rsa.privateKey, kid: "ec" }))).toBe(401);
  });

  test("not by PS256, which the service does not know", async () => {
    const { alg: _, ...anyAlgorithm } = rsaKey;
    const section = { audience, jwks: { keys: [anyAlgorithm] } };
    expect(await verdict(section, await ofRsa())).toBe("ann");
    const key = await crypto.subtle.importKey(
      "pkcs8",
      await crypto.subtle.exportKey("pkcs8", rsa.privateKey),
      { name: "RSA-PSS", hash: "SHA-256" },
      false,
      ["sign"],
    );
    expect(await verdict(section, await sign({ key, alg: "PS256", kid: "rsa" }))).toBe(401);
  });

  test.each<[string, Record<string, unknown>, Verdict]>([
    ["another of the audiences", { aud: ["x", "other"] }, "ann"],
    ["a foreign audience", { aud: "x" }, 401],
    ["Supabase's audience", { aud: "authenticated" }, 401],
    ["no audience", { aud: undefined }, 401],
    ["any issuer", { iss: "https://anybody.test" }, "ann"],
    ["no iat", { iat: undefined }, 401],
    ["a day", { iat: now(), exp: now() + 86_400 }, "ann"],
    ["more than a day", { iat: now() - 10, exp: now() + 86_400 }, 401],
    ["expired within the minute", { iat: now() - 90, exp: now() - 30 }, "ann"],
    ["expired", { iat: now() - 190, exp: now() - 61 }, 401],
    ["no exp", { exp: undefined }, 401],
    ["no sub", { sub: undefined }, 401],
    ["a sub that is a number", { sub: 7 }, 401],
  ])("%s", async (_, claims, expected) => {
    expect(await verdict(inline(), await ofRsa(claims))).toBe(expected);
  });

  test("Cloud's words for the audiences", async () => {
    const section = { jwks: { keys: [rsaKey] }, additional_audiences: ["more"] };
    const [instanceUrl] = audience;
    expect(await verdict(section, await ofRsa({ aud: "more" }))).toBe("ann");
    expect(await verdict(section, await ofRsa())).toBe(401);
    expect(await verdict(section, await ofRsa(), { instanceUrl })).toBe("ann");
    expect(await verdict({ jwks: section.jwks }, await ofRsa(), { instanceUrl })).toBe("ann");
  });
});

describe("shared keys", () => {
  const section = (kid?: string): PowerSyncClientAuth => ({
    audience,
    jwks: {
      keys: [rsaKey, { kty: "oct", alg: "HS256", k, ...(kid === undefined ? {} : { kid }) }],
    },
  });
  const signed = async (kid?: string) =>
    sign({ key: base64url.decode(k), alg: "HS256", ...(kid === undefined ? {} : { kid }) });

  test("by its id", async () => {
    expect(await verdict(section("powersync-dev"), await signed("powersync-dev"))).toBe("ann");
    expect(await verdict(section("powersync-dev"), await signed("other"))).toBe(401);
    expect(await verdict(section("powersync-dev"), await signed())).toBe(401);
  });

  test("without an id, for any token; an empty id is none", async () => {
    for (const kid of [undefined, ""]) {
      expect(await verdict(section(kid), await signed("other"))).toBe("ann");
      expect(await verdict(section(kid), await signed())).toBe("ann");
    }
  });

  test("beside public keys, which are nobody's secret", async () => {
    const { n = "" } = rsaKey;
    for (const secret of [JSON.stringify(rsaKey), n]) {
      const forged = await sign({
        key: new TextEncoder().encode(secret),
        alg: "HS256",
        kid: "rsa",
      });
      expect(await verdict(section(), forged)).toBe(401);
    }
    expect(await verdict(section(), await ofRsa())).toBe("ann");
  });
});

describe("published keys", () => {
  const serve =
    (sets: Readonly<Record<string, readonly JWK[] | undefined>>, urls: string[] = []) =>
    async (input: unknown): Promise<Response> => {
      urls.push(String(input));
      const keys = sets[String(input)];
      return keys === undefined ? new Response("", { status: 500 }) : Response.json({ keys });
    };

  test("at one address, or at several", async () => {
    const fetch = serve({ "https://a.test/": [rsaKey], "https://b.test/": [ecKey] });
    const byEc = await sign({ key: ec.privateKey, kid: "ec", alg: "ES256" });
    const one = { audience, jwks_uri: "https://a.test/" };
    const two = { audience, jwks_uri: ["https://a.test/", "https://b.test/"] };
    expect(await verdict(one, await ofRsa(), { fetch })).toBe("ann");
    expect(await verdict(one, byEc, { fetch })).toBe(401);
    expect(await verdict(two, byEc, { fetch })).toBe("ann");
    expect(await verdict(two, await ofRsa(), { fetch })).toBe("ann");
  });

  test("one of which is away: whoever the other knows is let in, and nobody is sent off", async () => {
    const fetch = serve({ "https://b.test/": [ecKey] });
    const two = { audience, jwks_uri: ["https://a.test/", "https://b.test/"] };
    const byEc = await sign({ key: ec.privateKey, kid: "ec", alg: "ES256" });
    expect(await verdict(two, byEc, { fetch })).toBe("ann");
    expect(await verdict(two, await ofRsa(), { fetch })).toBe(503);
  });

  test("shared keys among them count for nothing", async () => {
    const shared = { kty: "oct", alg: "HS256", k, kid: "s" };
    const fetch = serve({ "https://a.test/": [rsaKey, shared] });
    const forged = await sign({ key: base64url.decode(k), alg: "HS256", kid: "s" });
    const section = { audience, jwks_uri: "https://a.test/" };
    expect(await verdict(section, forged, { fetch })).toBe(401);
    expect(await verdict(section, await ofRsa(), { fetch })).toBe("ann");
  });

  test("by plain http: not, but from this computer by name", () => {
    const section = { audience, jwks_uri: "http://localhost:6060/keys" };
    expect(() => jwt(clientAuth(section))).toThrow("allowLoopbackHttp");
    expect(jwt(clientAuth(section, { allowLoopbackHttp: true }))).toBeTypeOf("function");
    const inside = { audience, jwks_uri: "http://backend:6060/keys" };
    expect(() => jwt(clientAuth(inside, { allowLoopbackHttp: true }))).toThrow("https");
  });

  test.each([
    "https://localhost/",
    "https://127.0.0.1/",
    "https://10.1.2.3/",
    "https://172.31.0.1/",
    "https://192.168.0.1/",
    "https://169.254.169.254/",
    "https://[fe80::1]/",
  ])("block_local_jwks: %s", (jwks_uri) => {
    const section = { audience, jwks_uri };
    expect(clientAuth(section)).toHaveLength(1);
    expect(() => clientAuth({ ...section, block_local_jwks: true })).toThrow("block_local_jwks");
  });

  test("block_local_jwks lets everything else be", () => {
    const section = { audience, jwks_uri: "https://172.32.0.1/", block_local_jwks: true };
    expect(clientAuth(section)).toHaveLength(1);
  });

  test("Supabase's, with its audience and a week", async () => {
    const urls: string[] = [];
    const uri = "https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/jwks.json";
    const fetch = serve({ [uri]: [ecKey] }, urls);
    const section = { supabase: true, audience };
    const options = { fetch, supabaseProject: "abcdefghijklmnopqrst" };
    const byEc = async (claims: Record<string, unknown>) =>
      sign({ key: ec.privateKey, kid: "ec", alg: "ES256", claims });
    const aud = "authenticated";
    expect(await verdict(section, await byEc({ aud }), options)).toBe("ann");
    expect(await verdict(section, await byEc({}), options)).toBe(401);
    const week = 7 * 86_400;
    expect(await verdict(section, await byEc({ aud, exp: now() + week }), options)).toBe("ann");
    expect(await verdict(section, await byEc({ aud, exp: now() + week + 1_300 }), options)).toBe(
      401,
    );
    expect(new Set(urls)).toEqual(new Set([uri]));
  });
});

describe("Supabase's legacy secret", () => {
  const supabase_jwt_secret = "super-secret-jwt-token-with-at-least-32-characters-long";
  const signed = async (claims: Record<string, unknown> = { aud: "authenticated" }) =>
    sign({ key: new TextEncoder().encode(supabase_jwt_secret), alg: "HS256", kid: "any", claims });

  test("is text, for any key id, with Supabase's audience", async () => {
    const section = { supabase: true, supabase_jwt_secret };
    expect(await verdict(section, await signed())).toBe("ann");
    expect(await verdict({ ...section, audience }, await signed({}))).toBe(401);
  });

  test("counts with `supabase: true` alone", async () => {
    const section = { audience, jwks: { keys: [rsaKey] }, supabase_jwt_secret };
    expect(await verdict(section, await signed())).toBe(401);
  });
});

describe("what trusts nobody, or what can't be trusted", () => {
  const jwks = { keys: [] as JWK[] };
  const shared = (key: JWK) => ({ audience, jwks: { keys: [{ kty: "oct", ...key }] } });
  test.each<[string, PowerSyncClientAuth, string]>([
    ["nothing", {}, "names no keys"],
    ["no keys", { audience, jwks }, "names no keys"],
    ["no audience", { jwks_uri: "https://a.test/" }, "`audience` is required"],
    [
      "no section",
      undefined as unknown as PowerSyncClientAuth,
      "must be the `client_auth` section",
    ],
    [
      "an empty section",
      null as unknown as PowerSyncClientAuth,
      "must be the `client_auth` section",
    ],
    [
      "an audience that is no list",
      { jwks_uri: "https://a.test/", audience: "api" as unknown as string[] },
      "must be a list",
    ],
    [
      "an audience that is empty",
      { jwks_uri: "https://a.test/", audience: ["api", ""] },
      "`audience[1]` is empty",
    ],
    ["no audience in the list", { jwks_uri: "https://a.test/", audience: [] }, "`audience` is"],
    ["Supabase, of which project?", { supabase: true }, "supabaseProject"],
    ["a shared key without its algorithm", shared({ k }), "`alg`"],
    ["a shared key with a public one's", shared({ k, alg: "RS256" }), "`alg`"],
    ["a shared key without its value", shared({ alg: "HS256" }), "`k`"],
    ["a shared key that is too short", shared({ alg: "HS256", k: "c2hvcnQ" }), "at least 32"],
    ["a shared key that is no base64url", shared({ alg: "HS256", k: "?" }), "base64url"],
    [
      "a short Supabase secret",
      { supabase: true, supabase_jwt_secret: "short" },
      "at least 32 bytes",
    ],
  ])("%s", (_, section, message) => {
    expect(() => jwt(clientAuth(section))).toThrow(TypeError);
    expect(() => jwt(clientAuth(section))).toThrow(message);
  });

  test("a project that leads elsewhere", () => {
    expect(() => clientAuth({ supabase: true }, { supabaseProject: "evil.test/" })).toThrow(
      "supabaseProject",
    );
  });

  test("a private key", async () => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    const section = { audience, jwks: { keys: [await exportJWK(pair.privateKey)] } };
    expect(() => jwt(clientAuth(section))).toThrow("public keys");
  });
});
