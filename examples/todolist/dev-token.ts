/** Signs tokens for whoever asks from this computer. A convenience of the demo; an application has an identity provider. */
import express, { type RequestHandler, type Router } from "express";
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";
import { loopbackOnly } from "./loopback.js";

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

/**
 * `GET /dev/token?sub=NAME` → `{ "token" }`, for callers on this computer alone, once `ready()`. `GET /dev/jwks.json`: the public key,
 * for a PowerSync service that is to take these tokens.
 */
export function devTokenRoutes(tokens: DevTokens, ready: () => boolean): Router {
  const router = express.Router();
  router.get("/dev/jwks.json", (_request, response) => {
    response.json(tokens.expected.jwks);
  });
  router.get(
    "/dev/token",
    noStore,
    loopbackOnly("Development tokens are for this computer alone."),
    async (request, response) => {
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
    },
  );
  return router;
}

const noStore: RequestHandler = (_request, response, next) => {
  response.set("cache-control", "no-store");
  next();
};
