/** The one hash of the library's own keys: text of a client's is never a key itself. */
import { canonicalJson } from "./json.js";

/** Of a value's canonical JSON, in hex. */
export async function sha256(value: unknown): Promise<string> {
  // Canonical JSON is ASCII: its bytes are its characters.
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(canonicalJson(value)),
  );
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
