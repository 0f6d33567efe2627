/** An identity provider on loopback: publishes its keys, counts who asks for them, signs tokens, and can be away. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export const issuer = "https://id.example.com";
export const audience = "my-api";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

export interface SigningKey extends KeyPair {
  readonly kid: string;
  readonly alg: string;
  /** As it is published. */
  readonly jwk: JWK;
}

export async function signingKey(alg: string, kid: string): Promise<SigningKey> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid, use: "sig" };
  return { ...pair, kid, alg, jwk };
}

export interface IdentityProvider {
  /** Of its keys. */
  readonly url: string;
  /** Asked for so far. */
  readonly asked: IncomingMessage[];
  /** Published; may be changed. */
  keys: readonly JWK[];
  /** In place of the keys; `undefined` publishes them. */
  answer: RequestListener | undefined;
  close(): Promise<void>;
}

export async function startProvider(keys: readonly JWK[]): Promise<IdentityProvider> {
  const asked: IncomingMessage[] = [];
  const provider = { asked, keys, answer: undefined as RequestListener | undefined };
  const server = createServer((request, response) => {
    asked.push(request);
    if (provider.answer !== undefined) return provider.answer(request, response);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ keys: provider.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(provider, {
    url: `http://127.0.0.1:${port}/jwks.json`,
    close: () => stopServer(server),
  });
}

export async function stopServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

export const seconds = (): number => Math.floor(Date.now() / 1_000);

/** Alice's, for an hour, in everything as it should be but for what is given. */
export function goodClaims(changed: Record<string, unknown> = {}): JWTPayload {
  const claims = { sub: "alice", iss: issuer, aud: audience, exp: seconds() + 3_600, ...changed };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

export function sign(
  key: SigningKey,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(goodClaims(claims))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);
}
