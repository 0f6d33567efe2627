/** docs/troubleshooting.md goes by the messages that people see: each is in the sources as it is quoted there. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const page = await readFile("docs/troubleshooting.md", "utf8");
const sources = (await Promise.all(["src", "adapters"].map(textsOf))).flat().join("\n");

/** Headings in backticks. `…` stands for what differs. */
const quoted = Array.from(page.matchAll(/^### `(.+)`$/gm), ([, message = ""]) => message);

describe("the messages", () => {
  it("are there at all", () => {
    expect(quoted.length).toBeGreaterThan(30);
  });

  it.each(quoted)("%s", (message) => {
    const pieces = message.split("…").filter((piece) => piece.trim().length > 3);
    expect(pieces).not.toEqual([]);
    for (const piece of pieces) expect(sources.includes(piece.trim()), piece).toBe(true);
  });
});

it("every code of the connector's is explained", async () => {
  const errors = await readFile("src/client/errors.ts", "utf8");
  const [, union = ""] = /export type UploadErrorCode =(.*?);/s.exec(errors) ?? [];
  const codes = Array.from(union.matchAll(/"(\w+)"/g), ([, code = ""]) => code);
  expect(codes.length).toBeGreaterThan(10);
  for (const code of codes) expect(page).toContain(`\`${code}\``);
});

/** As they are printed: without what escapes a character in a literal. */
async function textsOf(folder: string): Promise<readonly string[]> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".ts"));
  return Promise.all(
    files.map(async (name) => (await readFile(join(folder, name), "utf8")).replaceAll("\\", "")),
  );
}
