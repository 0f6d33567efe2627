/** What a JWT says of itself. It is not verified here: that is the server's part. */

export interface TokenClaims {
  readonly subject?: string;
  readonly expiresAt?: Date;
}

/** Nothing, where the token is no JWT. */
export function readToken(token: string): TokenClaims {
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

/** Not every React Native has `atob` and `TextDecoder`. */
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
