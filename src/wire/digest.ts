/** The one digest of a value: whatever the order of its keys, and whatever a database can store. */
import { canonicalJson } from "./json.js";

/** Hex SHA-256. */
export async function sha256(value: unknown): Promise<string> {
  // Canonical JSON is ASCII: its bytes are its characters.
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(canonicalJson(value)),
  );
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
