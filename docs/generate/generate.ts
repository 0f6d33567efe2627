/**
 * Makes `docs/types.md` and `docs/shapes.md`, from real runs on every database, and `docs/errors.md`, from the tables that classify errors.
 * Run it after every change of a conversion or a code; `--check` writes nothing, names the stale pages and exits 1.
 */
import { readFile, writeFile } from "node:fs/promises";
import { format } from "oxfmt";
import { compatibilityPage } from "./compatibility.js";
import { errorsPage } from "./errors.js";
import { shapesPage } from "./shapes.js";
import { typesPage } from "./types.js";

const check = process.argv.includes("--check");
const pages = {
  "types.md": typesPage,
  "errors.md": errorsPage,
  "shapes.md": shapesPage,
  "compatibility.md": compatibilityPage,
};
const stale: string[] = [];

for (const [name, page] of Object.entries(pages)) {
  const { code, errors } = await format(name, await page(), { printWidth: 100 });
  if (errors.length > 0) throw new Error(`${name} can't be formatted: ${JSON.stringify(errors)}`);
  const file = new URL(`../${name}`, import.meta.url);
  if ((await readFile(file, "utf8").catch(() => undefined)) === code) continue;
  stale.push(name);
  if (!check) await writeFile(file, code);
}
if (stale.length === 0)
  console.log("docs/types.md, docs/errors.md and docs/shapes.md are up to date.");
else console.log(`${check ? "Stale" : "Written"} in docs: ${stale.join(", ")}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;
