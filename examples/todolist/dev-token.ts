/** Signs tokens for any caller on this computer. Only for the demo: an application uses an identity provider. */
import express, { type RequestHandler, type Router } from "express";
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";
import { loopbackOnly } from "./loopback.js";

export interface DevTokens {
  /** The options with which `jwt()` accepts the tokens. */
  readonly expected: {
    readonly jwks: JSONWebKeySet;
    readonly issuer: string;
    readonly audience: string;
  };
  sign(sub: string): Promise<string>;
}

const issuer = "powersync-writes-demo";
const audience = "todolist";

/** Creates a key pair for this process. Its tokens become invalid when the process ends. */
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
 * Serves `GET /dev/token?sub=NAME` → `{ "token" }`, only for callers on this computer and once `ready()` returns true, and `GET /dev/jwks.json`: the
 * public key, for a PowerSync service that accepts these tokens.
 */
export function devTokenRoutes(tokens: DevTokens, ready: () => boolean): Router {
  const router = express.Router();
  router.get("/dev/jwks.json", (_request, response) => {
    response.json(tokens.expected.jwks);
  });
  router.get(
    "/dev/token",
    noStore,
    loopbackOnly("Development tokens are available only on this computer."),
    async (request, response) => {
      if (!ready()) {
        response
          .status(503)
          .set("retry-after", "1")
          .json({ message: "The tables have not been created yet." });
        return;
      }
      const { sub } = request.query;
      if (typeof sub !== "string" || sub === "") {
        response.status(400).json({ message: "Name the user of the token: /dev/token?sub=alice" });
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
