/** Puts the bench's tables into docs/performance.md, each between its marks, and its charts beside it. */
import { readFile, writeFile } from "node:fs/promises";

const folder = new URL("../../../docs/", import.meta.url);

/** Of Postgres, all tables and the chart; of another database, those that the page has a place for. @throws Error where it has none for a table of Postgres */
export async function writeDocs(
  database: string,
  sections: Readonly<Record<string, string>>,
  charts: Readonly<Record<string, string>>,
): Promise<void> {
  const page = new URL("performance.md", folder);
  let text = await readFile(page, "utf8");
  for (const [name, section] of Object.entries(sections)) {
    if (section === "") continue;
    const begins = `<!-- bench ${database} ${name} -->`;
    const from = text.indexOf(begins);
    const to = text.indexOf("<!-- end -->", from);
    if (from === -1 && database !== "postgres") continue;
    if (from === -1 || to === -1) throw new Error(`docs/performance.md has no "${begins}".`);
    text = `${text.slice(0, from + begins.length)}\n\n${section}\n\n${text.slice(to)}`;
  }
  await writeFile(page, text);
  for (const [file, chart] of Object.entries(charts)) await writeFile(new URL(file, folder), chart);
}
