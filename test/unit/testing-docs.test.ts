/** The example in docs/testing.md runs as it stands there. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "testing-"));
  await symlink(resolve("node_modules"), join(folder, "node_modules"));
  const paths = {
    "powersync-writes": [resolve("src/index.ts")],
    "powersync-writes/memory": [resolve("src/store/memory.ts")],
  };
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: resolve("tsconfig.json"), compilerOptions: { paths } }),
  );
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const text = await readFile("docs/testing.md", "utf8");
  for (const [, name = "", code = ""] of text.matchAll(/^```ts\n\/\/ ([\w.]+)\n(.*?)^```$/gms)) {
    await writeFile(join(folder, name), code);
  }
});

afterAll(() => rm(folder, { recursive: true }));

it("passes", async () => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const tests = ["--import", "tsx", "--test-reporter=tap", "rules.test.ts"];
  const { stdout } = await run(process.execPath, tests, { cwd: folder, env });
  expect(stdout).toMatch(/^# pass 1$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});
