/** Makes the page's files of their sources in `page/`: the markup, the style, and the script, bundled. `npm run generate` runs it. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = new URL("./page/", import.meta.url);

/** The generated files by name. */
export async function generatePage(): Promise<Record<string, string>> {
  const [markup, style, script] = await Promise.all([
    readFile(new URL("page.html", here), "utf8"),
    readFile(new URL("page.css", here), "utf8"),
    bundled(),
  ]);
  return {
    "page.ts": [
      "// Made from src/admin/page by generate.ts. Change those, never this file.\n",
      "/** The page for dead letters. */\n",
      `export const pageHtml = ${lines(markup)};\n`,
      `export const pageCss = ${lines(style)};\n`,
      `export const pageJs = ${lines(script)};\n`,
    ].join(""),
  };
}

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("main.ts", here))],
    absWorkingDir: fileURLToPath(new URL("../../../", here)),
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
    write: false,
  });
  // Without the paths of the sources, which are comments.
  return (outputFiles[0]?.text ?? "").replace(/^\/\/ .*\n/gm, "");
}

/** Line by line, so that a change is a readable change in the generated file. */
function lines(text: string): string {
  const all = text.split("\n").map((line) => `  ${JSON.stringify(line)},\n`);
  return `[\n${all.join("")}].join("\\n")`;
}
