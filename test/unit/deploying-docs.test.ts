/** The recipes of docs/deploying.md and docs/sync-service.md: the alert does what the page says, and the configurations can be read. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { transform } from "esbuild";
import { afterEach, beforeAll, afterAll, describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import type { WriteEvent } from "../../src/index.js";

const pages = await Promise.all(
  ["docs/deploying.md", "docs/sync-service.md"].map((page) => readFile(page, "utf8")),
);
const text = pages.join("\n");

describe("alerts.ts", () => {
  let folder: string;
  let alertSlack: (webhook: string, everyMs?: number) => (event: WriteEvent) => void;
  const posted: string[] = [];

  beforeAll(async () => {
    const [, block = ""] = /^```ts\n(\/\/ alerts\.ts\n.*?)^```$/ms.exec(text) ?? [];
    folder = await mkdtemp(join(tmpdir(), "alerts-"));
    const file = join(folder, "alerts.mjs");
    await writeFile(file, (await transform(block, { loader: "ts", format: "esm" })).code);
    ({ alertSlack } = (await import(pathToFileURL(file).href)) as {
      alertSlack: typeof alertSlack;
    });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    posted.length = 0;
  });

  const letter = (id: string, repeat = false) =>
    ({
      type: "dead_letter",
      correlationId: "c",
      id,
      userId: "somebody",
      errorCode: "CHECK_VIOLATION",
      message: "What somebody wrote.",
      repeat,
    }) as WriteEvent;

  it("sends what has to be looked at, together, once a minute, and without the user's data", async () => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", async (_url: string, { body }: { body: string }) => {
      posted.push((JSON.parse(body) as { text: string }).text);
      return new Response();
    });
    const onEvent = alertSlack("https://hooks.example.com/services/T0");
    onEvent(letter("1"));
    onEvent(letter("2"));
    onEvent(letter("3", true));
    onEvent({ type: "pruned", correlationId: "c", removed: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(posted).toEqual(["Dead letter 1: CHECK_VIOLATION\nDead letter 2: CHECK_VIOLATION"]);

    for (let id = 10; id < 40; id += 1) onEvent(letter(String(id)));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(posted).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(posted).toHaveLength(2);
    expect(posted[1]).toMatch(/Dead letter 29: CHECK_VIOLATION\n… and 10 more$/);
    expect(posted.join()).not.toContain("somebody");
  });

  it("goes on where Slack can't be reached", async () => {
    vi.useFakeTimers();
    const complaints = vi.spyOn(console, "error").mockImplementation(() => undefined);
    vi.stubGlobal("fetch", () => Promise.reject(new Error("offline")));
    const onEvent = alertSlack("https://hooks.example.com/services/T0", 1_000);
    onEvent(letter("1"));
    await vi.advanceTimersByTimeAsync(1_000);
    onEvent(letter("2"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(complaints).toHaveBeenCalledTimes(2);
    complaints.mockRestore();
  });
});

it("the YAML can be read", () => {
  const blocks = Array.from(text.matchAll(/^```yaml\n(.*?)^```$/gms), ([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks)
    for (const document of parseAllDocuments(block)) expect(document.errors).toEqual([]);
});
