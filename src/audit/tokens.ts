/** Credentials: the ones that were given, and those made of them that no server may accept. */
import type { Caller } from "./case.js";

/** @returns the header's value; `undefined` where there is none, or none can be made of this token */
export function credentialOf(
  caller: Caller,
  token: string,
  otherToken: string | undefined,
): string | undefined {
  switch (caller) {
    case "user":
      return `Bearer ${token}`;
    case "other":
      return otherToken === undefined ? undefined : `Bearer ${otherToken}`;
    case null:
      return undefined;
    case "garbage":
      return "Bearer not.a.credential";
    case "another scheme":
      return `Basic ${btoa("user:password")}`;
    default: {
      const forged = forgedFrom(token, caller);
      return forged === undefined ? undefined : `Bearer ${forged}`;
    }
  }
}

function forgedFrom(
  token: string,
  how: "an altered signature" | "an altered payload" | "no signature",
): string | undefined {
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  const claims = decoded(payload);
  if (decoded(header) === undefined || claims === undefined || signature === "" || more.length > 0)
    return undefined;
  switch (how) {
    case "an altered signature": {
      // In the middle: the last character may hold bits that no byte is made of.
      const at = Math.floor(signature.length / 2);
      const other = signature[at] === "A" ? "B" : "A";
      return `${header}.${payload}.${signature.slice(0, at)}${other}${signature.slice(at + 1)}`;
    }
    case "an altered payload":
      return `${header}.${encoded({ ...claims, sub: `${String(claims["sub"])}-somebody-else` })}.${signature}`;
    case "no signature":
      return `${encoded({ alg: "none", typ: "JWT" })}.${payload}.`;
  }
}

function decoded(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.codePointAt(0) ?? 0);
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function encoded(value: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const binary = Array.from(bytes, (byte) => String.fromCodePoint(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
