/** Who calls: an identity provider where one is configured, otherwise tokens that the demo signs itself. */
import type { Principal, WriteRequest } from "../../src/index.js";
import { jwt } from "../../src/jwt/index.js";
import { createDevTokens, type DevTokens } from "./dev-token.js";

export interface Authentication {
  readonly authenticate: (request: WriteRequest) => Principal | Promise<Principal>;
  /** Absent with an identity provider. */
  readonly devTokens?: DevTokens;
}

/** @throws with a message to show, where the environment is half set */
export async function chooseAuthentication(env: NodeJS.ProcessEnv): Promise<Authentication> {
  const { JWKS_URL: jwksUri, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = env;
  if (jwksUri === undefined || jwksUri === "") {
    const devTokens = await createDevTokens();
    return { authenticate: jwt(devTokens.expected), devTokens };
  }
  if (!issuer || !audience) {
    throw new Error("JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE beside it.");
  }
  // A demo's identity provider is likely to run beside it; from anywhere else keys come by https alone.
  return { authenticate: jwt({ jwksUri, issuer, audience, allowLoopbackHttp: true }) };
}
