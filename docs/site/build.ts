/** `npm run site`: README, docs and the changelog as a few dozen HTML pages in the folder `site`, which any server of files can serve. `npm run site -- FOLDER` writes elsewhere. */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { contents, type Group } from "../generate/contents.js";
import { html, type Rendered, render } from "./page.js";

const [, , folder = "site"] = process.argv;
const groups = await contents();
const files = ["README.md", ...groups.flatMap(({ pages }) => pages.map(({ file }) => file))];

/** Files that pages show or link, beside them. */
const beside = (await readdir("docs")).filter((name) => /\.(?:svg|json)$/.test(name));

const pages = new Map<string, Rendered>();
for (const file of new Set(files)) {
  const text = await readFile(file, "utf8");
  pages.set(
    file,
    render(text, (link) => placeOf(link, file)),
  );
}
checkLinks();

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
for (const [file, page] of pages) {
  await writeFile(join(folder, nameOf(file)), html(page, navigation(groups, file)));
}
const copied = {
  "style.css": "docs/site/style.css",
  "llms.txt": "docs/llms.txt",
  "LICENSE.txt": "LICENSE",
  ...Object.fromEntries(beside.map((name) => [name, `docs/${name}`])),
};
for (const [name, from] of Object.entries(copied)) await copyFile(from, join(folder, name));
console.log(`${pages.size} pages are in ${folder}: open ${join(folder, "index.html")}`);

/** All pages are in one folder. */
function nameOf(file: string): string {
  if (file === "README.md") return "index.html";
  return file
    .replace(/^docs\//, "")
    .replace(/\.md$/, ".html")
    .toLowerCase();
}

/** Where a link of the page leads in the site. */
function placeOf(link: string, from: string): string {
  if (/^[a-z]+:/.test(link) || link.startsWith("#")) return link;
  const [path = "", heading] = link.split("#");
  const file = normalize(join(dirname(from), path));
  if (file === "LICENSE") return "LICENSE.txt";
  return `${nameOf(file)}${heading === undefined ? "" : `#${heading}`}`;
}

function checkLinks(): void {
  const ids = new Map(Array.from(pages, ([file, page]) => [nameOf(file), page.ids]));
  const dead = Array.from(pages).flatMap(([file, page]) =>
    page.links
      .filter((link) => !/^[a-z]+:/.test(link) && link !== "LICENSE.txt")
      .filter((link) => {
        const [path = "", heading] = link.split("#");
        if (beside.includes(path)) return false;
        const there = ids.get(path === "" ? nameOf(file) : path);
        return there === undefined || (heading !== undefined && !there.has(heading));
      })
      .map((link) => `${file} links to ${link}`),
  );
  if (dead.length > 0) throw new Error(`Nothing is there:\n${dead.join("\n")}`);
}

function navigation(all: readonly Group[], current: string) {
  const home = {
    title: "powersync-writes",
    href: "index.html",
    isCurrent: current === "README.md",
  };
  return {
    home,
    groups: all.map(({ title, pages: listed }) => ({
      title,
      pages: listed.map(({ file, title: name }) => ({
        title: name,
        href: nameOf(file),
        isCurrent: file === current,
      })),
    })),
  };
}
