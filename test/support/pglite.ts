/**
 * PGlite, from a copy of a database as it is right after its start. To make one anew is three quarters of what a start costs, which every test file
 * would pay. The copy is kept beside the installed packages, one for each version.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";

const packages = new URL("../../node_modules/", import.meta.url);
const folder = new URL(".cache/powersync-writes/", packages);

export async function startPglite(): Promise<PGlite> {
  const file = new URL(`pglite-${await version()}.tar.gz`, folder);
  const copy = await readFile(file).catch(() => make(file));
  return PGlite.create({ loadDataDir: new Blob([new Uint8Array(copy)]) });
}

async function make(file: URL): Promise<Buffer> {
  const first = await PGlite.create();
  const copy = Buffer.from(await (await first.dumpDataDir("gzip")).arrayBuffer());
  await first.close();
  await mkdir(folder, { recursive: true });
  // Under its name it is whole: several test files may do this at once.
  const part = new URL(`${crypto.randomUUID()}.part`, folder);
  await writeFile(part, copy);
  await rename(part, file);
  return copy;
}

/** A copy that another version has made may not fit. */
async function version(): Promise<string> {
  // Its package exports no package.json.
  const text = await readFile(new URL("@electric-sql/pglite/package.json", packages), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
