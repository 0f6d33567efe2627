/**
 * Makes `docs/types.md` and `docs/shapes.md`, from real runs on every database, `docs/errors.md`, from the tables that classify errors, `docs/api.md`, from
 * the docstrings, `docs/contract.md`, from the contract, `docs/compatibility.md`, from the versions that are installed, README's table of
 * databases, and `docs/llms.txt`, from the pages' titles.
 * Run it after every change of a conversion, a code, an export or a title; `--check` writes nothing, names the stale pages and exits 1. Names of pages
 * (`npm run docs -- api.md`) make those alone.
 */
import { readFile, writeFile } from "node:fs/promises";
import { format } from "oxfmt";
import { apiPage } from "./api.js";
import { compatibilityPage } from "./compatibility.js";
import { contractPage } from "./contract.js";
import { readmePage } from "./databases.js";
import { errorsPage } from "./errors.js";
import { llmsText } from "./llms.js";
import { shapesPage } from "./shapes.js";
import { typesPage } from "./types.js";

const check = process.argv.includes("--check");
const chosen = process.argv.slice(2).filter((one) => one !== "--check");
const pages = {
  "types.md": typesPage,
  "errors.md": errorsPage,
  "shapes.md": shapesPage,
  "compatibility.md": compatibilityPage,
  "api.md": apiPage,
  "contract.md": contractPage,
  "../README.md": readmePage,
  // Last, for it has the titles of those before.
  "llms.txt": llmsText,
};
const made = Object.entries(pages).filter(([name]) => chosen.length === 0 || chosen.includes(name));
const stale: string[] = [];

for (const [name, page] of made) {
  const text = name.endsWith(".md") ? await formatted(name, await page()) : await page();
  const file = new URL(`../${name}`, import.meta.url);
  if ((await readFile(file, "utf8").catch(() => undefined)) === text) continue;
  stale.push(name);
  if (!check) await writeFile(file, text);
}
const names = made.map(([name]) => name).join(", ");
if (stale.length === 0) console.log(`Up to date in docs: ${names}.`);
else console.log(`${check ? "Stale" : "Written"} in docs: ${stale.join(", ")}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;

async function formatted(name: string, text: string): Promise<string> {
  const { code, errors } = await format(name, text, { printWidth: 100 });
  if (errors.length > 0) throw new Error(`${name} can't be formatted: ${JSON.stringify(errors)}`);
  return code;
}
