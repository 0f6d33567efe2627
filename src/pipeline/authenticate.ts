/** Authenticators that come with the core. For tokens, see `powersync-writes/jwt`. */
import type { Principal } from "./layers.js";

/**
 * For development only: lets everybody in, as one and the same principal, whatever they send.
 * `authenticate: anonymous()`
 */
export function anonymous(userId = "anonymous"): () => Principal {
  const principal: Principal = Object.freeze({ userId });
  return () => principal;
}

/** @throws TypeError for what is no principal: a bug in the application, and nobody's answer */
export function verifiedPrincipal<P extends Principal>(principal: P): P {
  if (typeof principal?.userId !== "string" || principal.userId === "") {
    throw new TypeError("A principal needs a userId that is text, and not empty.");
  }
  return principal;
}
