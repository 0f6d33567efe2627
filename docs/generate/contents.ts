/** The pages in README's order: its section "Documentation" is the table of contents of `llms.txt` and of the site. */
import { readdir, readFile } from "node:fs/promises";

export interface Group {
  readonly title: string;
  readonly pages: readonly Listed[];
}

interface Listed {
  /** As README links to it: `docs/rls.md`, `CHANGELOG.md`. */
  readonly file: string;
  readonly title: string;
  /** The first paragraph, as plain text. */
  readonly about: string;
}

/** @throws where README links to a page that is not there */
export async function contents(): Promise<readonly Group[]> {
  const [, section = ""] = (await readFile("README.md", "utf8")).split("\n## Documentation\n");
  const groups: { title: string; files: string[] }[] = [];
  for (const line of section.split("\n")) {
    const title = /^\*\*(.+)\*\*$/.exec(line)?.[1];
    if (title !== undefined) groups.push({ title, files: [] });
    for (const [, file = ""] of line.matchAll(/\]\(((?:docs\/)?[\w-]+\.md)\)/g))
      groups.at(-1)?.files.push(file);
  }
  const listed = new Set(groups.flatMap(({ files }) => files));
  const others = (await readdir("docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
    .filter((file) => !listed.has(file));
  if (others.length > 0) groups.push({ title: "More", files: others });
  return Promise.all(
    groups.map(async ({ title, files }) => ({
      title,
      pages: await Promise.all([...new Set(files)].map(about)),
    })),
  );
}

async function about(file: string): Promise<Listed> {
  const text = (await readFile(file, "utf8"))
    .replace(/^<!--.*?-->$/gms, "")
    .replace(/^```.*?^```$/gms, "");
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error(`${file} has no title.`);
  const paragraph = text.split(/\n{2,}/).find((part) => /^[^#|\-*<\n]/.test(part.trim())) ?? "";
  return { file, title: plain(title), about: plain(paragraph) };
}

/** Markdown without its marks: links as their text. */
function plain(text: string): string {
  return text
    .replace(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    .replaceAll(/[`*]/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
