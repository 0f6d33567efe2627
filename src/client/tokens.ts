/** The user's token: asked of the application, read without verifying it, and given to PowerSync. */
import { callApplication, uploadError } from "./errors.js";
import type { ConnectorOptions } from "./options.js";

/** What PowerSync's `fetchCredentials` returns. */
export interface Credentials {
  readonly endpoint: string;
  readonly token: string;
  expiresAt?: Date;
}

/**
 * Makes the connector's `fetchCredentials`. PowerSync calls it again after a token was refused, so a token that has expired, or that was
 * given before, is refreshed first.
 */
export function createFetchCredentials(
  options: ConnectorOptions,
): () => Promise<Credentials | null> {
  let last: string | null = null;
  return async () => {
    let token = await findToken(options, false);
    const { expiresAt } = readClaims(token ?? "");
    if (token !== null && (token === last || (expiresAt && expiresAt.getTime() < Date.now()))) {
      token = await findToken(options, true);
    }
    last = token;
    if (token === null) return null;
    const { subject: _, ...expiry } = readClaims(token);
    return { endpoint: options.powersyncUrl, token, ...expiry };
  };
}

/** @throws UploadError TOKEN_UNAVAILABLE, SIGNED_OUT */
export async function requireToken(options: ConnectorOptions, refresh: boolean): Promise<string> {
  const token = await findToken(options, refresh);
  if (token === null) throw uploadError("SIGNED_OUT", "Nobody is signed in.");
  return token;
}

async function findToken(options: ConnectorOptions, refresh: boolean): Promise<string | null> {
  // An empty token means the same as null: nobody is signed in.
  return (await callApplication("TOKEN_UNAVAILABLE", () => options.getToken({ refresh }))) || null;
}

interface TokenClaims {
  readonly subject?: string;
  readonly expiresAt?: Date;
}

/** Reads a JWT's claims without verifying them, which is the server's task. Empty where the token is no JWT. */
export function readClaims(token: string): TokenClaims {
  try {
    const payload = JSON.parse(decodeBase64Url(token.split(".")[1] ?? "")) as Record<
      string,
      unknown
    > | null;
    return {
      ...(typeof payload?.["sub"] === "string" && { subject: payload["sub"] }),
      ...(typeof payload?.["exp"] === "number" && { expiresAt: new Date(payload["exp"] * 1000) }),
    };
  } catch {
    return {};
  }
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Decodes by hand, since some React Native versions lack `atob` and `TextDecoder`. */
function decodeBase64Url(text: string): string {
  let bits = 0;
  let held = 0;
  let escaped = "";
  for (const character of text) {
    held = (held << 6) | alphabet.indexOf(character);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    escaped += `%${(256 + ((held >> bits) & 255)).toString(16).slice(1)}`;
  }
  return decodeURIComponent(escaped);
}
