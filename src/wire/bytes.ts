/** Bytes in pieces, and their digest. */

/** Joins pieces of bytes. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const piece of pieces) size += piece.byteLength;
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}

interface Hash {
  update(text: string, encoding: "latin1"): unknown;
  digest(encoding: "hex"): string;
}

interface NodeCrypto {
  createHash(algorithm: "sha256"): Hash;
}

interface NodeProcess {
  getBuiltinModule?(name: string): NodeCrypto | undefined;
}

/** Node's crypto module, if the host has it: for short inputs, the Web's digest is ten times slower. Not imported, because not every host has the module. */
export const nodeCrypto = (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.(
  "node:crypto",
);

/** The hex SHA-256 of bytes. */
export async function digestOfBytes(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  let text = "";
  for (const byte of new Uint8Array(digest)) text += (byte + 0x100).toString(16).slice(1);
  return text;
}
