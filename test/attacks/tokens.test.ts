/**
 * Attacks by token, over HTTP, on a real server that gets its keys from a real provider. Each begins with a token that is let in, and changes one
 * thing. Whatever is tried: the status says whose fault it is, the body says no more than that, nothing is written, and nobody is called whom the
 * configuration does not name.
 */
import { createHmac, createPublicKey, type JsonWebKey } from "node:crypto";
import { request as httpRequest, type Server } from "node:http";
import { inspect } from "node:util";
import { FlattenedSign, type JWK } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { powersyncWrites } from "../../adapters/fetch.js";
import { createWrites, type WriteEvent, type Writes } from "../../src/index.js";
import { type JwksUriOptions, jwt, type JwtOptions } from "../../src/jwt/index.js";
import { adapters, listen } from "../conformance/adapters.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import {
  audience,
  goodClaims,
  type IdentityProvider,
  issuer,
  seconds,
  sign,
  signingKey,
  type SigningKey,
  startProvider,
  stopServer,
} from "../support/identity-provider.js";
import { long } from "../support/long.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const express = adapters[0] as (typeof adapters)[number];

let database: TestDatabase;
let ec: SigningKey;
let rsa: SigningKey;
/** The attacker's, under the provider's key ids. */
let evilEc: SigningKey;
let evilRsa: SigningKey;
let provider: IdentityProvider;
let attacker: IdentityProvider;
let events: WriteEvent[] = [];
let servers: Server[] = [];

beforeAll(async () => {
  [database, ec, rsa, evilEc, evilRsa] = await Promise.all([
    betterSqlite3.open(),
    signingKey("ES256", "ec"),
    signingKey("RS256", "rsa"),
    signingKey("ES256", "ec"),
    signingKey("RS256", "rsa"),
  ]);
});
afterAll(() => database.close());

beforeEach(async () => {
  await database.reset();
  provider = await startProvider([ec.jwk, rsa.jwk]);
  attacker = await startProvider([evilEc.jwk, evilRsa.jwk]);
  events = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(servers.map(stopServer));
  servers = [];
  await provider.close();
  expect(attacker.asked).toHaveLength(0);
  await attacker.close();
});

const writesFor = (options: JwtOptions | readonly JwtOptions[]): Writes<TestPrincipal> =>
  createWrites({
    ...testConfig(database.db),
    authenticate: jwt(options),
    onEvent: (event) => void events.push(event),
  }) as Writes<TestPrincipal>;

const trusting = (changed: Partial<JwksUriOptions> = {}): JwksUriOptions => ({
  jwksUri: provider.url,
  allowLoopbackHttp: true,
  issuer,
  audience,
  ...changed,
});

/** Starts the endpoint, and gives its address. */
async function start(
  options: JwtOptions | readonly JwtOptions[] = trusting(),
  adapter = express,
): Promise<string> {
  const { server, url } = await listen(adapter.listener(writesFor(options), false));
  servers.push(server);
  return `${url}/api/data`;
}

const list = "11111111-1111-4111-8111-111111111111";
const body = JSON.stringify({
  client_id: "device",
  transactions: [
    { crud: [{ op: "PUT", table: "lists", id: list, op_id: 1, op_data: { name: "A" } }] },
  ],
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

async function upload(url: string, token: string): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body,
  });
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, text: await response.text(), retryAfter };
}

/** With header lines just as they are given, which `fetch` would mend. */
function uploadRaw(url: string, lines: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = ["host", "localhost", "content-type", "application/json", ...lines];
    const request = httpRequest(url, { method: "POST", headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (more: string) => (text += more));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text, retryAfter: null });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

const required = "A bearer token is required.";
const invalid = "The token is not valid.";
const expired = "The token has expired.";
const unavailable = "The caller's token can't be verified right now.";

async function expectNothingWritten(): Promise<void> {
  for (const table of ["lists", "powersync_ledger", "powersync_dead_letters"] as const) {
    expect(
      await database.db
        .selectFrom(table as "lists")
        .selectAll()
        .execute(),
    ).toEqual([]);
  }
}

async function expectLetIn(url: string, token: string): Promise<void> {
  expect(await upload(url, token)).toMatchObject({
    status: 200,
    text: '{"results":[{"status":"success"}]}',
  });
  const rows = await database.db.selectFrom("lists").select("owner_id").execute();
  expect(rows).toEqual([{ owner_id: "alice" }]);
}

/** 401, in these words and no others; nothing written; nothing of the token in any event. */
async function expectRefused(answer: Answer, token: string, message = invalid): Promise<void> {
  expect(answer.text).toBe(JSON.stringify({ message }));
  expect(answer.status).toBe(401);
  await expectNothingWritten();
  const said = inspect(events, { depth: 12, maxStringLength: Infinity });
  for (const part of token.split(".").filter((one) => one.length > 20)) {
    expect(said).not.toContain(part);
  }
}

async function expectUnavailable(answer: Answer): Promise<void> {
  expect(answer.text).toBe(JSON.stringify({ message: unavailable }));
  expect([answer.status, answer.retryAfter]).toEqual([503, "5"]);
  await expectNothingWritten();
}

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Signed by whatever `signature` makes of it. */
const forged = (header: unknown, signature: string | ((input: string) => string)): string => {
  const input = `${encode(header)}.${encode(goodClaims())}`;
  return `${input}.${typeof signature === "string" ? signature : signature(input)}`;
};

const hmac = (secret: string | Buffer, hash = "sha256") => {
  return (input: string) => createHmac(hash, secret).update(input).digest("base64url");
};

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

it("the tokens that the attacks begin with are let in", async () => {
  const url = await start();
  await expectLetIn(url, await sign(ec));
  await expectLetIn(url, await sign(rsa));
  expect(provider.asked).toHaveLength(1);
});

describe("no signature", () => {
  it.each([
    "none",
    "None",
    "NONE",
    "nOnE",
    "nonE",
    " none",
    "none ",
    "none\u0000",
    "ｎｏｎｅ",
    "",
    "null",
    "undefined",
    "HS0",
    "plain",
  ])("alg: %j", async (alg) => {
    const url = await start();
    const genuine = (await sign(ec)).split(".")[2] ?? "";
    for (const signature of ["", "AAAA", genuine]) {
      const token = forged({ alg, kid: "ec" }, signature);
      await expectRefused(await upload(url, token), token);
    }
    expect(provider.asked).toHaveLength(0);
  });

  it.each([undefined, null, false, 0, ["none"], ["ES256"], { name: "ES256" }, ["none", "ES256"]])(
    "alg that is no text: %j",
    async (alg) => {
      const url = await start();
      const genuine = (await sign(ec)).split(".")[2] ?? "";
      for (const signature of ["", genuine]) {
        const token = forged({ alg, kid: "ec" }, signature);
        await expectRefused(await upload(url, token), token);
      }
    },
  );

  it("a good token without its signature", async () => {
    const [header, payload] = (await sign(ec)).split(".");
    const url = await start();
    for (const token of [`${header}.${payload}.`, `${header}.${payload}`, `${header}..`, ".."]) {
      await expectRefused(await upload(url, token), token);
    }
  });

  it("alg twice in the header, in either order", async () => {
    const url = await start();
    for (const header of [
      '{"alg":"none","kid":"ec","alg":"ES256"}',
      '{"alg":"ES256","kid":"ec","alg":"none"}',
    ]) {
      const token = forged(header, "");
      await expectRefused(await upload(url, token), token);
    }
  });
});

describe("HS256 with the public key as the secret", () => {
  const forms: readonly [string, (key: SigningKey) => string | Buffer][] = [
    ["SPKI in PEM", (key) => pem(key.jwk)],
    ["SPKI in PEM without the last line end", (key) => pem(key.jwk).trimEnd()],
    ["SPKI in PEM with CRLF", (key) => pem(key.jwk).replaceAll("\n", "\r\n")],
    ["SPKI in DER", (key) => publicKey(key.jwk).export({ type: "spki", format: "der" })],
    ["PKCS #1 in PEM", (key) => pkcs1(key, "pem")],
    ["PKCS #1 in DER", (key) => pkcs1(key, "der")],
    ["JWK", (key) => JSON.stringify(key.jwk)],
    ["the key set", (key) => JSON.stringify({ keys: [key.jwk] })],
    ["the modulus, or x", (key) => key.jwk.n ?? key.jwk.x ?? ""],
    [
      "the modulus, or x, in bytes",
      (key) => Buffer.from(key.jwk.n ?? key.jwk.x ?? "", "base64url"),
    ],
    ["nothing", () => ""],
    ["a null byte", () => Buffer.alloc(1)],
  ];
  const publicKey = (jwk: JWK) => createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
  const pem = (jwk: JWK) => publicKey(jwk).export({ type: "spki", format: "pem" }) as string;
  const pkcs1 = (key: SigningKey, format: "pem" | "der") =>
    key.alg.startsWith("RS")
      ? publicKey(key.jwk).export({ type: "pkcs1", format: format as "der" })
      : "an EC key has no such form";

  it.each(forms)("%s", async (_, secretOf) => {
    const alone = await start();
    // Beside a secret of its own: the public key is not that one.
    const secret = "a secret that nobody can guess, of fifty bytes or so";
    const both = await start([trusting(), { secret, algorithms: ["HS256"], issuer, audience }]);
    for (const key of [ec, rsa]) {
      for (const [alg, hash] of [
        ["HS256", "sha256"],
        ["HS384", "sha384"],
        ["HS512", "sha512"],
        [key.alg, "sha256"],
      ] as const) {
        const token = forged({ alg, kid: key.kid }, hmac(secretOf(key), hash));
        await expectRefused(await upload(alone, token), token);
        await expectRefused(await upload(both, token), token);
      }
    }
    await expectLetIn(both, forged({ alg: "HS256" }, hmac(secret)));
  });

  it("a key set that says its keys are shared", async () => {
    const shared: JWK = { kty: "oct", kid: "ec", alg: "HS256", k: encode("s".repeat(32)) };
    provider.keys = [shared, { ...ec.jwk, kid: "other" }];
    const url = await start();
    const token = forged({ alg: "HS256", kid: "ec" }, hmac("s".repeat(32)));
    await expectRefused(await upload(url, token), token);
  });
});

describe("unknown key ids", () => {
  const tries = long ? 1_000 : 200;
  // No cooldown passes but what a test lets pass.
  beforeEach(() => later(0));

  it(`${tries} in a row and at once: one fetch in a cooldown`, async () => {
    const url = await start();
    await expectLetIn(url, await sign(ec));
    await database.reset();
    const tokens = await Promise.all(
      Array.from({ length: tries }, (_, n) => sign(evilEc, {}, { kid: `kid-${n}` })),
    );
    const send = async () => {
      for (const token of tokens.slice(0, 20)) await upload(url, token);
      for (let from = 20; from < tokens.length; from += 90) {
        const some = tokens.slice(from, from + 90);
        const answers = await Promise.all(some.map((token) => upload(url, token)));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
      }
    };
    await send();
    expect(provider.asked).toHaveLength(1);
    later(31_000);
    await send();
    expect(provider.asked).toHaveLength(2);
    await expectNothingWritten();
  });

  it("at once, before any key is known: one fetch", async () => {
    const url = await start();
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, n) =>
        upload(url, await sign(evilEc, {}, { kid: `kid-${n}` })),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(provider.asked).toHaveLength(1);
    await expectNothingWritten();
  });

  it.each([
    "../../etc/passwd",
    "' or '1'='1",
    "__proto__",
    "constructor",
    "",
    "ec\u0000",
    "k".repeat(5_000),
  ])("that is %j", async (kid) => {
    const url = await start();
    const token = await sign(evilEc, {}, { kid });
    await expectRefused(await upload(url, token), token);
  });
});

describe("keys that the token brings along", () => {
  const headers = (): readonly Record<string, unknown>[] => [
    { jku: attacker.url },
    { jku: attacker.url, kid: undefined },
    { jku: provider.url.replace("127.0.0.1", "localhost") },
    { x5u: attacker.url },
    { jwk: evilEc.jwk },
    { jwk: evilEc.jwk, kid: undefined },
    { x5c: [encode("certificate")] },
    { "x5t#S256": encode("thumbprint") },
    { url: attacker.url },
    { iss: attacker.url },
    { jku: attacker.url, x5u: attacker.url, jwk: evilEc.jwk, kid: "new" },
  ];

  it.each(Array.from({ length: 11 }, (_, n) => n))("header %d: not followed", async (n) => {
    const url = await start();
    const header = headers()[n] ?? {};
    const token = await sign(evilEc, {}, header);
    await expectRefused(await upload(url, token), token);
    expect(attacker.asked).toHaveLength(0);
    expect(provider.asked.length).toBeLessThanOrEqual(1);
  });

  it("on a good token: not followed, and no harm", async () => {
    const url = await start();
    await expectLetIn(url, await sign(ec, {}, { jku: attacker.url, jwk: evilEc.jwk }));
    expect(attacker.asked).toHaveLength(0);
  });

  it("an issuer whose keys are elsewhere", async () => {
    const url = await start();
    const token = await sign(evilEc, { iss: new URL(attacker.url).origin });
    await expectRefused(await upload(url, token), token);
    expect(provider.asked).toHaveLength(0);
  });
});

describe("extensions", () => {
  it.each<Record<string, unknown>>([
    { crit: ["b64"], b64: false },
    { crit: ["b64"], b64: true },
    { b64: false },
    { crit: [] },
    { crit: ["exp"], exp: 1 },
    { crit: ["unknown"], unknown: true },
    { crit: "b64", b64: false },
  ])("%j", async (extension) => {
    const url = await start();
    const token = forged({ alg: "ES256", kid: "ec", ...extension }, "AAAA");
    await expectRefused(await upload(url, token), token);
  });

  it("a payload that is not encoded, well signed", async () => {
    const {
      payload,
      protected: header,
      signature,
    } = await new FlattenedSign(new TextEncoder().encode(JSON.stringify(goodClaims())))
      .setProtectedHeader({ alg: "ES256", kid: "ec", b64: false, crit: ["b64"] })
      .sign(ec.privateKey);
    const url = await start();
    for (const middle of [payload, encode(goodClaims()), JSON.stringify(goodClaims())]) {
      const token = `${header}.${middle}.${signature}`;
      await expectRefused(await upload(url, token), token);
    }
  });

  it("crit that is understood elsewhere, well signed", async () => {
    const url = await start();
    const token = await sign(ec, {}, { crit: ["b64"], b64: true });
    await expectRefused(await upload(url, token), token);
  });
});

describe("claims, well signed", () => {
  const day = 86_400;
  it.each<[string, Record<string, unknown>, string?]>([
    ["another audience", { aud: "other-api" }],
    ["another audience in other letters", { aud: "MY-API" }],
    ["an audience with a blank", { aud: `${audience} ` }],
    ["several audiences, none of them ours", { aud: ["other-api", "my-api-2"] }],
    ["no audience in a list", { aud: [] }],
    ["a list in a list", { aud: [[audience]] }],
    ["an object as the audience", { aud: { [audience]: true } }],
    ["no audience", { aud: undefined }],
    ["another issuer", { iss: "https://evil.example.com" }],
    ["an issuer with a slash", { iss: `${issuer}/` }],
    ["an issuer that begins like ours", { iss: `${issuer}.evil.test` }],
    ["several issuers", { iss: [issuer] }],
    ["no issuer", { iss: undefined }],
    ["no exp", { exp: undefined }],
    ["exp as text", { exp: String(seconds() + day) }],
    ["exp that is null", { exp: null }],
    ["exp that is true", { exp: true }],
    ["exp in the past", { exp: seconds() - 1 }, expired],
    ["exp right now", { exp: seconds() }, expired],
    ["exp of 0", { exp: 0 }, expired],
    ["exp before all times", { exp: -1e300 }, expired],
    ["nbf in the future", { nbf: seconds() + day }],
    ["nbf as text", { nbf: "now" }],
    ["no sub", { sub: undefined }],
    ["an empty sub", { sub: "" }],
    ["a sub that is a number", { sub: 1 }],
    ["a sub that is 0", { sub: 0 }],
    ["a sub that is null", { sub: null }],
    ["a sub that is true", { sub: true }],
    ["a list as the sub", { sub: ["alice"] }],
    ["an object as the sub", { sub: { toString: "alice" } }],
  ])("%s", async (_, claims, message) => {
    const url = await start();
    const token = await sign(ec, claims);
    await expectRefused(await upload(url, token), token, message);
  });

  it("several audiences, ours among them, are let in", async () => {
    await expectLetIn(await start(), await sign(ec, { aud: ["other-api", audience] }));
  });

  it("members called as what every object has", async () => {
    const url = await start();
    const payload = `{"__proto__":{"sub":"alice","exp":${seconds() + day}},"iss":"${issuer}","aud":"${audience}"}`;
    const {
      protected: header,
      payload: middle,
      signature,
    } = await new FlattenedSign(new TextEncoder().encode(payload))
      .setProtectedHeader({ alg: "ES256", kid: "ec" })
      .sign(ec.privateKey);
    const token = `${header}.${middle}.${signature}`;
    await expectRefused(await upload(url, token), token);
  });

  it.each(["null", "[]", "7", '"alice"', "", "{", "{}"])("claims that are %j", async (payload) => {
    const url = await start();
    const {
      protected: header,
      payload: middle,
      signature,
    } = await new FlattenedSign(new TextEncoder().encode(payload))
      .setProtectedHeader({ alg: "ES256", kid: "ec" })
      .sign(ec.privateKey);
    const token = `${header}.${middle}.${signature}`;
    await expectRefused(await upload(url, token), token);
  });
});

describe("keys", () => {
  it("another key under the same id", async () => {
    const url = await start();
    for (const key of [evilEc, evilRsa]) {
      const token = await sign(key);
      await expectRefused(await upload(url, token), token);
    }
  });

  it("another key, and no id", async () => {
    const url = await start();
    const token = await sign(evilEc, {}, { kid: undefined });
    await expectRefused(await upload(url, token), token);
  });

  it("a key for another algorithm", async () => {
    const url = await start();
    const others = await Promise.all(
      ["PS256", "ES384", "EdDSA", "RS512"].map((alg) => signingKey(alg, "rsa")),
    );
    for (const key of others) {
      for (const kid of ["rsa", "ec"]) {
        const token = await sign(key, {}, { kid });
        await expectRefused(await upload(url, token), token);
      }
    }
  });

  it("an algorithm that the key could, but that is not among the chosen", async () => {
    const url = await start(trusting({ algorithms: ["ES256"] }));
    const token = await sign(rsa);
    await expectRefused(await upload(url, token), token);
    expect(provider.asked).toHaveLength(0);
    await expectLetIn(url, await sign(ec));
  });

  it("an algorithm that the published key does not name", async () => {
    provider.keys = [{ ...rsa.jwk, alg: "RS512" }];
    const url = await start();
    const token = await sign(rsa);
    await expectRefused(await upload(url, token), token);
  });

  it("a key that is published for encryption", async () => {
    provider.keys = [
      { ...ec.jwk, use: "enc" },
      { ...rsa.jwk, use: "sig", key_ops: ["encrypt"] },
    ];
    const url = await start();
    for (const key of [ec, rsa]) {
      const token = await sign(key);
      await expectRefused(await upload(url, token), token);
    }
  });

  it("the token of another provider that is trusted too, in this one's name", async () => {
    const otherIssuer = "https://other.example.com";
    const second = await startProvider([evilEc.jwk]);
    const url = await start([trusting(), trusting({ jwksUri: second.url, issuer: otherIssuer })]);
    const impersonation = await sign(evilEc, { iss: issuer });
    await expectRefused(await upload(url, impersonation), impersonation);
    const reversed = await sign(ec, { iss: otherIssuer });
    await expectRefused(await upload(url, reversed), reversed);
    await expectLetIn(url, await sign(evilEc, { iss: otherIssuer }));
    await second.close();
  });
});

describe("signatures", () => {
  it.each<[string, (signature: Buffer) => string]>([
    ["one bit changed", (s) => (s.writeUInt8(s.readUInt8(5) ^ 1, 5), s.toString("base64url"))],
    ["the last byte left out", (s) => s.subarray(0, -1).toString("base64url")],
    ["a byte more", (s) => Buffer.concat([s, Buffer.alloc(1)]).toString("base64url")],
    ["all zero", (s) => Buffer.alloc(s.length).toString("base64url")],
    ["all ones", (s) => Buffer.alloc(s.length, 255).toString("base64url")],
    ["one byte", () => "AA"],
    ["half a letter", () => "A"],
    [
      "swapped halves",
      (s) => Buffer.concat([s.subarray(32), s.subarray(0, 32)]).toString("base64url"),
    ],
    ["padded", (s) => `${s.toString("base64url")}==`],
    ["another spelling of the same", (s) => respelled(s.toString("base64url"))],
    ["another alphabet", (s) => `${s.toString("base64url").slice(0, -4)}+/+/`],
  ])("%s", async (_, change) => {
    const [header, payload, signature = ""] = (await sign(ec)).split(".");
    const url = await start();
    const token = `${header}.${payload}.${change(Buffer.from(signature, "base64url"))}`;
    await expectRefused(await upload(url, token), token);
  });

  const respelled = (text: string) => {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return text.slice(0, -1) + letters[letters.indexOf(text.at(-1) ?? "") + 1];
  };

  it("another's claims under a good signature, also after the good token was let in", async () => {
    const url = await start();
    const good = await sign(ec);
    await expectLetIn(url, good);
    await database.reset();
    const [header, , signature] = good.split(".");
    const token = `${header}.${encode(goodClaims({ sub: "bob" }))}.${signature}`;
    await expectRefused(await upload(url, token), token);
  });
});

describe.each(adapters)("the header, on $name", (adapter) => {
  it("is missing, empty, of another scheme, or more than one token", async () => {
    const url = await start(trusting(), adapter);
    const good = await sign(ec);
    const bearer = `Bearer ${good}`;
    for (const [lines, message] of [
      [[], required],
      [["authorization", ""]],
      [["authorization", "Bearer"]],
      [["authorization", "Bearer "]],
      [["authorization", good]],
      [["authorization", `Basic ${Buffer.from("alice:").toString("base64")}`]],
      [["authorization", `Token ${good}`]],
      [["authorization", `Bearer${good}`]],
      [["authorization", `Bearer Bearer ${good}`]],
      [["authorization", `Bearer "${good}"`]],
      [["authorization", `${bearer} ${good}`]],
      [["authorization", `${bearer},${bearer}`]],
      [["authorization", `${bearer}, Basic YTpi`]],
      [["authorization", `${bearer};`]],
      [["authorization", `${bearer}.`]],
      [["authorization", `${bearer}.e30.AA`]],
      [["authorization", `${bearer}%00`]],
      [["authorization", `${bearer}\u00a0`]],
      [["authorization", `Bearer\t${good}`]],
      [["authorization", `Bearer ${good.replace(".", ". ")}`]],
      [["x-authorization", bearer], required],
      [["cookie", `token=${good}; __session=${good}`], required],
    ] as const satisfies [readonly string[], string?][]) {
      await expectRefused(await uploadRaw(url, lines), good, message);
    }
    const query = await uploadRaw(`${url}?access_token=${good}&authorization=${good}`, []);
    await expectRefused(query, good, required);
    expect(provider.asked).toHaveLength(0);
  });

  it("several times: the good one first, last, or twice", async () => {
    const url = await start(trusting(), adapter);
    const good = `Bearer ${await sign(ec)}`;
    const bad = `Bearer ${await sign(evilEc)}`;
    for (const [first, second] of [
      [good, bad],
      [bad, good],
      [good, good],
      [good, "Basic YTpi"],
    ] as const) {
      const lines = ["authorization", first, "Authorization", second];
      await expectRefused(await uploadRaw(url, lines), good);
    }
    const many = Array.from({ length: 500 }, () => ["authorization", "Bearer a.b.c"]).flat();
    await expectRefused(await uploadRaw(url, many), "");
  });

  it("blanks around a good token are no part of it", async () => {
    const url = await start(trusting(), adapter);
    const answer = await uploadRaw(url, ["authorization", `  bearer   ${await sign(ec)}  `]);
    expect(answer).toMatchObject({ status: 200, text: '{"results":[{"status":"success"}]}' });
  });

  it("is huge", async () => {
    const url = await start(trusting(), adapter);
    for (const token of ["x".repeat(15_000), `${"x.".repeat(7_000)}x`, ".".repeat(15_000)]) {
      await expectRefused(await uploadRaw(url, ["authorization", `Bearer ${token}`]), token);
    }
    // Past Node's own limit it answers by itself, or hangs up before all of it has been sent.
    const lines = ["authorization", `Bearer ${"x".repeat(100_000)}`];
    const status = await uploadRaw(url, lines).then(
      (answer) => answer.status,
      () => 431,
    );
    expect(status).toBe(431);
    await expectNothingWritten();
  });
});

describe("huge tokens, where the host has no limit of its own", () => {
  const handle = (token: string) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    return powersyncWrites(writesFor(trusting()))(
      new Request("http://host/api/data", { method: "POST", headers, body }),
    );
  };

  it.each<[string, () => string | Promise<string>]>([
    ["of one letter", () => "x".repeat(5_000_000)],
    ["of dots", () => ".".repeat(5_000_000)],
    ["of blanks", () => " ".repeat(5_000_000)],
    ["that are well signed", () => sign(ec, { more: "x".repeat(20_000) })],
    ["with a deep header", () => `${encode("[".repeat(10_000))}.${encode("{}")}.AA`],
    ["with deep claims", () => `${encode({ alg: "ES256" })}.${encode("[".repeat(9_000))}.AA`],
  ])("%s", async (_, make) => {
    const token = await make();
    // The processor's time, which is the same beside other work.
    const before = process.cpuUsage();
    const response = await handle(token);
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ message: invalid });
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
    expect(provider.asked).toHaveLength(0);
    await expectNothingWritten();
  });
});

describe("time", () => {
  it("a token that expires while it is cached", async () => {
    const url = await start();
    const token = await sign(ec, { exp: seconds() + 30 });
    await expectLetIn(url, token);
    await expectLetIn(url, token);
    await database.reset();
    later(31_000);
    await expectRefused(await upload(url, token), token, expired);
  });

  it("a key that is revoked: its tokens end with the age of the keys, cached or not", async () => {
    const url = await start(trusting({ jwksCache: { maxAgeMs: 60_000 }, tokenCacheMs: 300_000 }));
    const known = await sign(ec);
    await expectLetIn(url, known);
    await database.reset();
    provider.keys = [rsa.jwk];
    later(61_000);
    const fresh = await sign(ec, { jti: "another" });
    for (const token of [known, fresh]) await expectRefused(await upload(url, token), token);
    await expectLetIn(url, await sign(rsa));
  });

  it("a refused token is refused again, and costs the provider nothing", async () => {
    const url = await start();
    const token = await sign(evilEc);
    for (let n = 0; n < 20; n++) await expectRefused(await upload(url, token), token);
    expect(provider.asked).toHaveLength(1);
  });
});

describe("the provider", () => {
  it("redirects, to the attacker's keys or anywhere", async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      provider.answer = (_, response) => {
        response.writeHead(status, { location: attacker.url }).end();
      };
      await expectUnavailable(await upload(await start(), await sign(evilEc)));
      await expectUnavailable(await upload(await start(), await sign(ec)));
    }
    expect(attacker.asked).toHaveLength(0);
  });

  it.each<[string, number, string]>([
    ["fails", 500, ""],
    ["is busy", 429, ""],
    ["has nothing there", 404, "Not found"],
    ["answers with a page", 200, "<html>Sign in</html>"],
    ["answers with keys, but not with 200", 203, '{"keys":[]}'],
    ["answers half a set", 200, '{"keys":['],
    ["answers null", 200, "null"],
    ["answers a list", 200, "[]"],
    ["answers keys that are none", 200, '{"keys":[7]}'],
    ["answers no keys", 200, '{"keys":[]}'],
  ])("%s: 503, and never 401", async (_, status, text) => {
    provider.answer = (__, response) => void response.writeHead(status).end(text);
    const url = await start();
    await expectUnavailable(await upload(url, await sign(ec)));
    await expectUnavailable(await upload(url, await sign(evilEc)));
    // What is wrong whatever the keys are is still 401.
    const stranger = await sign(ec, { iss: "https://evil.example.com" });
    await expectRefused(await upload(url, stranger), stranger);
  });

  it("hangs up, or does not listen: 503, and the address stays ours", async () => {
    provider.answer = (request) => void request.socket.destroy();
    await expectUnavailable(await upload(await start(), await sign(ec)));
    const gone = await startProvider([]);
    await gone.close();
    await expectUnavailable(
      await upload(await start(trusting({ jwksUri: gone.url })), await sign(ec)),
    );
  });

  it("never answers: 503 within the time of a fetch", async () => {
    provider.answer = () => undefined;
    const url = await start(trusting({ jwksCache: { timeoutMs: 200 } }));
    // One with a longer time, that is asked first and still waits when the other one has answered.
    const patient = await start(trusting({ jwksCache: { timeoutMs: 30_000 } }));
    let answered = false;
    const waiting = upload(patient, await sign(ec)).finally(() => (answered = true));
    await expectUnavailable(await upload(url, await sign(ec)));
    expect(answered).toBe(false);
    for (const { socket } of provider.asked) socket.destroy();
    await expectUnavailable(await waiting);
  });

  it("goes away after its keys were had: who is known is let in, a forger is not", async () => {
    const url = await start();
    await expectLetIn(url, await sign(ec));
    await database.reset();
    provider.answer = (_, response) => void response.writeHead(500).end();
    later(700_000);
    const token = await sign(evilEc);
    await expectRefused(await upload(url, token), token);
    await expectLetIn(url, await sign(ec));
  });

  it("is asked without a credential of ours, and without the token", async () => {
    const url = await start();
    const token = await sign(ec);
    await expectLetIn(url, token);
    const [request] = provider.asked;
    expect(request?.method).toBe("GET");
    expect(request?.url).toBe("/jwks.json");
    expect(JSON.stringify(request?.rawHeaders)).not.toContain(token.split(".")[2]);
    expect(request?.headers).not.toHaveProperty("authorization");
    expect(request?.headers).not.toHaveProperty("cookie");
  });
});
