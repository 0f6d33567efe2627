/** Bytes in pieces, and their digest. */
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

/** Where it is there: of what is short, the Web's digest costs ten times as much. Not imported, for not every host has the module. */
export const nodeCrypto = (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.(
  "node:crypto",
);

/** Hex SHA-256. */
export async function digestOfBytes(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  let text = "";
  for (const byte of new Uint8Array(digest)) text += (byte + 0x100).toString(16).slice(1);
  return text;
}
