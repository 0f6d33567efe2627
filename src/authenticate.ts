/** Authenticators that come with the core. For tokens, see `powersync-writes/jwt`. */
import type { Principal } from "./layer.js";

/**
 * For development only: lets everybody in, as one and the same principal, whatever they send.
 * `authenticate: anonymous()`
 */
export function anonymous(userId = "anonymous"): () => Principal {
  const principal: Principal = Object.freeze({ userId });
  return () => principal;
}
