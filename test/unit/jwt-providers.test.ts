/** Each provider's settings, held against tokens as that provider makes them. */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { isUnauthenticated } from "../../src/errors.js";
import {
  auth0,
  clerk,
  cognito,
  firebase,
  type JwksUriOptions,
  jwt,
  keycloak,
  supabase,
  supabaseSecret,
} from "../../src/jwt/index.js";
import type { WriteRequest } from "../../src/model.js";

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
const pairs: Partial<Record<string, Pair>> = {};
let published: JWK[];

beforeAll(async () => {
  published = await Promise.all(
    ["RS256", "ES256", "PS256", "EdDSA"].map(async (alg) => {
      const pair = await generateKeyPair(alg);
      pairs[alg] = pair;
      return { ...(await exportJWK(pair.publicKey)), kid: alg, alg, use: "sig" };
    }),
  );
});

const now = () => Math.floor(Date.now() / 1_000);

async function sign(claims: Record<string, unknown>, alg = "RS256"): Promise<WriteRequest> {
  const token = await new SignJWT({ sub: "ann", iat: now(), exp: now() + 60, ...claims })
    .setProtectedHeader({ alg, kid: alg, typ: "JWT" })
    .sign((pairs[alg] as Pair).privateKey);
  return asked(token);
}

function asked(token: string): WriteRequest {
  return {
    method: "POST",
    url: "/api/data",
    headers: new Headers({ authorization: `Bearer ${token}` }),
    body: async () => undefined,
    signal: new AbortController().signal,
  };
}

/** The provider, at its own address. */
function authenticator(options: JwksUriOptions) {
  const asked: string[] = [];
  const authenticate = jwt({
    ...options,
    fetch: async (input) => {
      asked.push(String(input));
      return Response.json({ keys: published });
    },
  });
  return { asked, authenticate };
}

interface Case {
  readonly name: string;
  readonly options: JwksUriOptions;
  readonly uri: string;
  readonly good: Record<string, unknown>;
  readonly alg?: string;
  /** Changed claims, by what is wrong then. */
  readonly bad: Readonly<Record<string, Record<string, unknown>>>;
}

const supabaseIss = "https://abcdefghijklmnopqrst.supabase.co/auth/v1";
const clerkIss = "https://clerk.example.com";
const pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI";
const realm = "https://id.example.com/realms/main";
const firebaseKeys =
  "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

const cases: readonly Case[] = [
  {
    name: "Supabase",
    options: supabase({ project: "abcdefghijklmnopqrst" }),
    uri: `${supabaseIss}/.well-known/jwks.json`,
    alg: "ES256",
    good: { iss: supabaseIss, aud: "authenticated", role: "authenticated", is_anonymous: false },
    bad: {
      "another project's": { iss: "https://zyxwvutsrqponmlkjihg.supabase.co/auth/v1" },
      "of the anonymous role": { aud: "anon" },
      "an API key": { iss: "supabase", sub: undefined, role: "service_role" },
    },
  },
  {
    name: "Supabase, hosted by oneself",
    options: supabase({ url: "https://db.example.com/" }),
    uri: "https://db.example.com/auth/v1/.well-known/jwks.json",
    good: { iss: "https://db.example.com/auth/v1", aud: "authenticated" },
    bad: { "the hosted project's": { iss: supabaseIss } },
  },
  {
    name: "Clerk",
    options: clerk({ frontendApi: clerkIss, authorizedParties: ["https://app.example.com"] }),
    uri: `${clerkIss}/.well-known/jwks.json`,
    good: { iss: clerkIss, azp: "https://app.example.com", sid: "sess_1", v: 2 },
    bad: {
      "of another origin": { azp: "https://evil.example.com" },
      "of an origin that is no text": { azp: ["https://app.example.com"] },
      "of a pending session": { sts: "pending" },
      "another instance's": { iss: "https://other.clerk.accounts.dev" },
    },
  },
  {
    name: "Clerk, a native app",
    options: clerk({ frontendApi: new URL(clerkIss), authorizedParties: ["https://a.test"] }),
    uri: `${clerkIss}/.well-known/jwks.json`,
    good: { iss: clerkIss, sts: "active" },
    bad: { "no user": { sub: "" } },
  },
  {
    name: "Clerk, a template with an audience",
    options: clerk({ frontendApi: clerkIss, audience: "powersync" }),
    uri: `${clerkIss}/.well-known/jwks.json`,
    good: { iss: clerkIss, aud: "powersync", azp: "https://any.example.com" },
    bad: { "a session token": { aud: undefined } },
  },
  {
    name: "Auth0",
    options: auth0({ domain: "tenant.eu.auth0.com", audience: "https://api.example.com/" }),
    uri: "https://tenant.eu.auth0.com/.well-known/jwks.json",
    good: {
      iss: "https://tenant.eu.auth0.com/",
      aud: ["https://api.example.com/", "https://tenant.eu.auth0.com/userinfo"],
      azp: "client",
    },
    bad: {
      "an ID token": { aud: "client" },
      "almost the audience": { aud: "https://api.example.com" },
      "almost the issuer": { iss: "https://tenant.eu.auth0.com" },
    },
  },
  {
    name: "Auth0 with PS256",
    options: auth0({ domain: "tenant.eu.auth0.com", audience: "api" }),
    uri: "https://tenant.eu.auth0.com/.well-known/jwks.json",
    alg: "PS256",
    good: { iss: "https://tenant.eu.auth0.com/", aud: "api" },
    bad: { "no audience": { aud: undefined } },
  },
  {
    name: "Firebase",
    options: firebase({ projectId: "my-project-1" }),
    uri: firebaseKeys,
    good: {
      iss: "https://securetoken.google.com/my-project-1",
      aud: "my-project-1",
      auth_time: now() - 5,
    },
    bad: {
      "another project's": {
        iss: "https://securetoken.google.com/other-project",
        aud: "other-project",
      },
      "another project's, by its audience": { aud: "other-project" },
      "signed in tomorrow": { auth_time: now() + 86_400 },
      "never signed in": { auth_time: undefined },
    },
  },
  {
    name: "Cognito, access tokens",
    options: cognito({ userPoolId: "eu-west-1_AbCdEfGhI", clientIds: ["web", "phone"] }),
    uri: `${pool}/.well-known/jwks.json`,
    good: { iss: pool, token_use: "access", client_id: "phone" },
    bad: {
      "an ID token": { token_use: "id", client_id: undefined, aud: "phone" },
      "an ID token that claims a client": { token_use: "id" },
      "another client's": { client_id: "other" },
      "no client": { client_id: undefined },
      "another pool's": { iss: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Zzzzzzzzz" },
    },
  },
  {
    name: "Cognito, ID tokens",
    options: cognito({
      userPoolId: "eu-west-1_AbCdEfGhI",
      clientIds: ["web"],
      tokenUse: "id",
    }),
    uri: `${pool}/.well-known/jwks.json`,
    good: { iss: pool, token_use: "id", aud: "web" },
    bad: {
      "an access token": { token_use: "access", aud: undefined, client_id: "web" },
      "another client's": { aud: "other" },
    },
  },
  {
    name: "Cognito in China",
    options: cognito({ userPoolId: "cn-north-1_Ab", clientIds: ["web"] }),
    uri: "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab/.well-known/jwks.json",
    good: {
      iss: "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab",
      token_use: "access",
      client_id: "web",
    },
    bad: { "no use": { token_use: undefined } },
  },
  {
    name: "Keycloak, by audience",
    options: keycloak({ realmUrl: `${realm}/`, audience: "writes" }),
    uri: `${realm}/protocol/openid-connect/certs`,
    alg: "EdDSA",
    good: { iss: realm, typ: "Bearer", aud: ["writes", "account"], azp: "any" },
    bad: {
      "an ID token": { typ: "ID" },
      "a logout token": { typ: "Logout" },
      "a refresh token": { typ: "Refresh" },
      "for another service": { aud: "account" },
      "another realm's": { iss: "https://id.example.com/realms/other" },
    },
  },
  {
    name: "Keycloak, by client",
    options: keycloak({ realmUrl: realm, clientIds: ["app"] }),
    uri: `${realm}/protocol/openid-connect/certs`,
    good: { iss: realm, typ: "Bearer", aud: "account", azp: "app" },
    bad: { "another client's": { azp: "other" }, "no client's": { azp: undefined } },
  },
];

describe.each(cases)("$name", ({ options, uri, good, alg, bad }) => {
  test("a good token, by keys from the provider's own address", async () => {
    const { asked: urls, authenticate } = authenticator(options);
    expect((await authenticate(await sign(good, alg))).userId).toBe("ann");
    expect(urls).toEqual([uri]);
  });

  test.each(Object.entries(bad))("%s", async (_, changed) => {
    const { authenticate } = authenticator(options);
    const error: unknown = await authenticate(await sign({ ...good, ...changed }, alg)).catch(
      (thrown: unknown) => thrown,
    );
    expect(isUnauthenticated(error)).toBe(true);
  });

  test("another algorithm than the provider's", async () => {
    const { authenticate } = authenticator({ ...options, algorithms: ["RS512"] });
    await expect(authenticate(await sign(good, alg))).rejects.toThrow("The token is not valid.");
  });
});

describe("Supabase's legacy secret", () => {
  const secret = "super-secret-jwt-token-with-at-least-32-characters-long";
  const project = { project: "abcdefghijklmnopqrst" };
  const signed = async (claims: Record<string, unknown> = {}, key = secret) =>
    asked(
      await new SignJWT({
        iss: supabaseIss,
        aud: "authenticated",
        sub: "ann",
        exp: now() + 60,
        ...claims,
      })
        .setProtectedHeader({ alg: "HS256", kid: "legacy" })
        .sign(new TextEncoder().encode(key)),
    );

  test("lets in what it has signed", async () => {
    const authenticate = jwt(supabaseSecret({ ...project, secret }));
    expect((await authenticate(await signed())).userId).toBe("ann");
    for (const bad of [
      await signed({}, secret.toUpperCase()),
      await signed({ aud: "anon" }),
      await signed({ iss: "supabase", sub: undefined, role: "service_role" }),
    ]) {
      await expect(authenticate(bad)).rejects.toThrow("The token is not valid.");
    }
  });

  test("beside signing keys, while a project changes over", async () => {
    const { fetch: _, ...options } = supabase(project);
    const authenticate = jwt([
      { ...options, fetch: async () => Response.json({ keys: published }) },
      supabaseSecret({ ...project, secret }),
    ]);
    expect((await authenticate(await signed())).userId).toBe("ann");
    const asymmetric = await sign({ iss: supabaseIss, aud: "authenticated" }, "ES256");
    expect((await authenticate(asymmetric)).userId).toBe("ann");
    // The public key as the secret: each signer knows its own kind alone.
    const forged = await signed({}, JSON.stringify(published[1]));
    await expect(authenticate(forged)).rejects.toThrow("The token is not valid.");
  });
});

describe("settings of one's own beside the provider's", () => {
  test("are handed on", () => {
    const own = {
      clockTolerance: 5,
      tokenCacheMs: 0,
      jwksCache: { maxAgeMs: 1_000 },
      allowLoopbackHttp: true,
      fetch,
    };
    for (const made of [
      supabase({ ...own, url: "http://127.0.0.1:54321" }),
      clerk({ ...own, frontendApi: clerkIss }),
      auth0({ ...own, domain: "a.test", audience: "b" }),
      firebase({ ...own, projectId: "p" }),
      cognito({ ...own, userPoolId: "eu-west-1_A", clientIds: ["c"] }),
      keycloak({ ...own, realmUrl: realm, audience: "a" }),
    ]) {
      expect(made).toMatchObject(own);
      expect(jwt(made)).toBeTypeOf("function");
    }
  });
});

describe("settings that can't be right", () => {
  test.each<[string, () => unknown]>([
    ["supabase: no project", () => supabase({ project: "" })],
    ["supabase: a project that is a URL", () => supabase({ project: "https://a.supabase.co" })],
    ["supabase: a project that leads elsewhere", () => supabase({ project: "evil.test/" })],
    ["supabase: no URL", () => supabase({ url: "db.example.com" })],
    ["clerk: a key in place of the URL", () => clerk({ frontendApi: "pk_live_abc" })],
    ["clerk: a URL with a query", () => clerk({ frontendApi: "https://a.test/?b" })],
    ["auth0: a URL", () => auth0({ domain: "https://a.auth0.com/", audience: "a" })],
    ["firebase: nothing", () => firebase({ projectId: "" })],
    ["cognito: no region", () => cognito({ userPoolId: "AbCdEf", clientIds: ["a"] })],
    ["cognito: no client", () => cognito({ userPoolId: "eu-west-1_A", clientIds: [] })],
    ["cognito: an empty client", () => cognito({ userPoolId: "eu-west-1_A", clientIds: [""] })],
    [
      "cognito: another use",
      () =>
        cognito({ userPoolId: "eu-west-1_A", clientIds: ["a"], tokenUse: "refresh" as "access" }),
    ],
    ["keycloak: neither audience nor clients", () => keycloak({ realmUrl: realm })],
    ["keycloak: no clients", () => keycloak({ realmUrl: realm, clientIds: [] })],
    ["keycloak: a path alone", () => keycloak({ realmUrl: "/realms/main", audience: "a" })],
  ])("%s", (name, make) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(new RegExp(`^${name.slice(0, name.indexOf(":"))}: `));
  });
});
