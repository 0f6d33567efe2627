/** Authenticates callers: by an identity provider if one is configured, otherwise by tokens that the demo signs itself. */
import type { Principal, WriteRequest } from "../../src/index.js";
import { jwt } from "../../src/jwt/index.js";
import { createDevTokens, type DevTokens } from "./dev-token.js";

export interface Authentication {
  readonly authenticate: (request: WriteRequest) => Principal | Promise<Principal>;
  /** Absent if an identity provider is configured. */
  readonly devTokens?: DevTokens;
}

/** @throws Error with a message for the user, if only some of the variables are set */
export async function chooseAuthentication(env: NodeJS.ProcessEnv): Promise<Authentication> {
  const { JWKS_URL: jwksUri, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = env;
  if (jwksUri === undefined || jwksUri === "") {
    const devTokens = await createDevTokens();
    return { authenticate: jwt(devTokens.expected), devTokens };
  }
  if (!issuer || !audience) {
    throw new Error("JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE as well.");
  }
  // Allows an identity provider on this computer. From other hosts, keys are fetched only over https.
  return { authenticate: jwt({ jwksUri, issuer, audience, allowLoopbackHttp: true }) };
}
