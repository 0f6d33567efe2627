/** Programs that tests start as processes of their own, bundled once: they start in a third of the time that tsx takes, and dozens are started. */
import { mkdir, rename } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Where they find the packages, which stay outside. */
const folder = fileURLToPath(
  new URL("../../node_modules/.cache/powersync-writes/", import.meta.url),
);
const built = new Map<string, Promise<string>>();

/** @returns the path of a file that `node` runs */
export function program(source: URL): Promise<string> {
  const known = built.get(source.href) ?? bundle(fileURLToPath(source));
  built.set(source.href, known);
  return known;
}

async function bundle(source: string): Promise<string> {
  const file = `${folder}${basename(source, ".ts")}.mjs`;
  const part = `${folder}${crypto.randomUUID()}.mjs`;
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [source],
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    outfile: part,
  });
  // Under its name it is whole: other test files may start it meanwhile.
  await rename(part, file);
  return file;
}
