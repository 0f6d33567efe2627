/** The user's token: asked of the application, and read as far as the device needs to know it. */
import { uploadError } from "./errors.js";
import type { TokenOptions } from "./options.js";
import { callApplication } from "./abortable.js";

/** @throws UploadError TOKEN_UNAVAILABLE, SIGNED_OUT, ABORTED */
export async function requireToken(
  options: TokenOptions,
  refresh: boolean,
  abort?: AbortSignal,
): Promise<string> {
  const token = await findToken(options, refresh, abort);
  if (token === null) throw uploadError("SIGNED_OUT", "Nobody is signed in.");
  return token;
}

/** @throws UploadError TOKEN_UNAVAILABLE, ABORTED */
export async function findToken(
  options: TokenOptions,
  refresh: boolean,
  abort?: AbortSignal,
): Promise<string | null> {
  const ask = () => options.getToken({ refresh });
  const token = await callApplication("TOKEN_UNAVAILABLE", ask, abort);
  // An empty token means the same as null: nobody is signed in.
  return token || null;
}

/** As far as the token says. */
export function hasExpired(token: string): boolean {
  const { expiresAt } = readClaims(token);
  return expiresAt !== undefined && expiresAt.getTime() < Date.now();
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
