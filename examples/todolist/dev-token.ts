/** Signs tokens for whoever asks from this computer. A convenience of the demo; an application has an identity provider. */
import type { RequestHandler } from "express";
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";

export interface DevTokens {
  /** What `jwt()` should accept. */
  readonly expected: {
    readonly jwks: JSONWebKeySet;
    readonly issuer: string;
    readonly audience: string;
  };
  sign(sub: string): Promise<string>;
}

const issuer = "powersync-writes-demo";
const audience = "todolist";

/** A key pair of this process: its tokens end with it. */
export async function createDevTokens(): Promise<DevTokens> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const header = { alg: "ES256", kid: crypto.randomUUID() };
  return {
    expected: {
      jwks: { keys: [{ ...(await exportJWK(publicKey)), ...header }] },
      issuer,
      audience,
    },
    sign: (sub) =>
      new SignJWT()
        .setProtectedHeader(header)
        .setSubject(sub)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime("24h")
        .sign(privateKey),
  };
}

/** `GET /dev/token?sub=NAME` → `{ "token" }`, for callers on this computer alone, once `ready()`. */
export function devTokenRoute(tokens: DevTokens, ready: () => boolean): RequestHandler {
  return async (request, response) => {
    response.set("cache-control", "no-store");
    if (!isLoopbackAddress(request.socket.remoteAddress) || !isLoopbackHost(request.headers.host)) {
      response.status(403).json({ message: "Development tokens are for this computer alone." });
      return;
    }
    if (!ready()) {
      response
        .status(503)
        .set("retry-after", "1")
        .json({ message: "The tables are not there yet." });
      return;
    }
    const { sub } = request.query;
    if (typeof sub !== "string" || sub === "") {
      response.status(400).json({ message: "Say whose token it is: /dev/token?sub=alice" });
      return;
    }
    response.json({ token: await tokens.sign(sub) });
  };
}

function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && /^(::1$|(::ffff:)?127\.)/.test(address);
}

/** A page elsewhere can point its own name at 127.0.0.1 (DNS rebinding) and call us from a browser here; then Host is that name. */
function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host);
}
