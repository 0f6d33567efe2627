/**
 * `npm run quickstarts`: pastes README's quickstart and those of docs, line by line, into empty folders, from the packed package (`npm run build` first) to a
 * row in Postgres. `npm run quickstarts -- nest` follows the pages with that in their name.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Packed, type Page, paste } from "./paste.js";
import { missingPrograms } from "./terminal.js";

/** At once. A page waits for the registry and for processes about as long as it computes. */
const atOnce = 3;

const [, , chosen = ""] = process.argv;
const pages: readonly Page[] = [
  { file: "README.md", heading: "## Quickstart" },
  ...(await readdir("docs"))
    .filter((name) => /^quickstart-.*\.md$/.test(name))
    .map((name) => ({ file: `docs/${name}` })),
].filter(({ file }) => file.includes(chosen));

const missing = missingPrograms();
if (missing.length > 0) throw new Error(`Not installed: ${missing.join(", ")}.`);
if (!existsSync("dist/index.js")) throw new Error("There is no dist: npm run build makes it.");
if (pages.length === 0) throw new Error(`No page has "${chosen}" in its name.`);

const folder = await mkdtemp(join(tmpdir(), "quickstarts-"));
let failures = 0;
try {
  const packed = await pack();
  const waiting = [...pages];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
        await follow(page, packed);
      }
    }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

async function follow(page: Page, packed: Packed): Promise<void> {
  const begin = performance.now();
  try {
    await paste(page, packed);
    console.log(`${page.file}: a row in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  } catch (error) {
    failures += 1;
    console.error(`${page.file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function pack(): Promise<Packed> {
  const programs = join(folder, "bin");
  await mkdir(programs);
  await symlink(process.execPath, join(programs, "node"));
  await symlink(resolve("node_modules/deno/deno"), join(programs, "deno"));
  for (const name of ["bun", "bunx"])
    await symlink(resolve(`node_modules/.bin/${name}`), join(programs, name));
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  const options = { encoding: "utf8" as const };
  const name = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], options);
  const tarball = join(folder, name.trim());
  execFileSync("tar", ["-xzf", tarball, "-C", folder]);
  return { tarball, unpacked: join(folder, "package"), version, programs };
}
