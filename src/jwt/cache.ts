/** Verified tokens, for a moment: a device that uploads in many requests is verified once. Refused ones are not kept. */
import type { JWTPayload } from "jose";

export interface TokenCache {
  /** The claims of a token that is still good. */
  get(token: string): Readonly<JWTPayload> | undefined;
  /** @param until in milliseconds since 1970 */
  add(token: string, claims: Readonly<JWTPayload>, until: number): void;
}

interface Entry {
  readonly claims: Readonly<JWTPayload>;
  readonly from: number;
  readonly until: number;
}

/** @param most tokens; the least recently used makes room */
export function createTokenCache(most: number): TokenCache {
  const entries = new Map<string, Entry>();

  return {
    get(token) {
      const entry = entries.get(token);
      if (entry === undefined) return undefined;
      entries.delete(token);
      const now = Date.now();
      // Before `from`, the clock has been set back, and the token may not be valid yet.
      if (now < entry.from || now >= entry.until) return undefined;
      entries.set(token, entry);
      return entry.claims;
    },
    add(token, claims, until) {
      const from = Date.now();
      if (from >= until) return;
      entries.delete(token);
      entries.set(token, { claims, from, until });
      const [oldest] = entries.keys();
      if (entries.size > most && oldest !== undefined) entries.delete(oldest);
    },
  };
}
