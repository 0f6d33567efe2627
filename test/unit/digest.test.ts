/** The digest is the same whichever way the host has of making it. */
import { describe, expect, it, vi } from "vitest";
import { digestOfBytes } from "../../src/wire/bytes.js";
import { canonicalJson, sha256, sha256OfAll } from "../../src/wire/serialize.js";

const values: readonly unknown[] = [
  null,
  "",
  "ü\u0000\ud800 and more",
  { b: [1, -0, 1e999, 2n ** 70n], a: { text: "x".repeat(100_000) } },
  Array.from({ length: 20_000 }, (_, index) => `é${index}`),
];

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("the digest of a value", () => {
  it.each(values.map((value, index) => [index, value]))(
    "%i is that of its canonical JSON",
    async (_index, value) => {
      const expected = await digestOfBytes(bytesOf(canonicalJson(value)));
      expect(expected).toMatch(/^[0-9a-f]{64}$/);
      expect(await sha256(value)).toBe(expected);
      const lines = await digestOfBytes(bytesOf(`${canonicalJson(value)}\n[]\n`));
      expect(await sha256OfAll([value, []])).toBe(lines);
    },
  );

  it("is the same where the host has no module for it", async () => {
    vi.resetModules();
    vi.stubGlobal("process", {});
    const { nodeCrypto } = await import("../../src/wire/bytes.js");
    const without = await import("../../src/wire/serialize.js");
    vi.unstubAllGlobals();
    expect(nodeCrypto).toBeUndefined();
    for (const value of values) {
      expect(await without.sha256(value)).toBe(await sha256(value));
      expect(await without.sha256OfAll([value, value])).toBe(await sha256OfAll([value, value]));
    }
  });
});
