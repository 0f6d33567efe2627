/** One page of Markdown as one page of HTML, without a script: headings get the ids that GitHub gives them, wide tables scroll by themselves. */
import { Marked, type Tokens } from "marked";

export interface Rendered {
  readonly title: string;
  readonly body: string;
  /** Headings of the second level, for the page's own contents. */
  readonly sections: readonly { readonly id: string; readonly title: string }[];
  readonly ids: ReadonlySet<string>;
  readonly links: readonly string[];
}

interface Place {
  readonly title: string;
  readonly href: string;
  readonly isCurrent: boolean;
}

export interface Navigation {
  readonly home: Place;
  readonly groups: readonly { readonly title: string; readonly pages: readonly Place[] }[];
}

/** @param placeOf where a link of the page leads in the site */
export function render(markdown: string, placeOf: (link: string) => string): Rendered {
  const seen = new Map<string, number>();
  const ids = new Set<string>();
  const links: string[] = [];
  const sections: { id: string; title: string }[] = [];
  let title = "";
  const marked = new Marked({
    gfm: true,
    renderer: {
      heading({ tokens, depth, text }: Tokens.Heading): string {
        const inner = this.parser.parseInline(tokens);
        const id = idOf(text, seen);
        ids.add(id);
        if (depth === 1) title = plain(inner);
        if (depth === 2) sections.push({ id, title: plain(inner) });
        const link =
          depth === 1
            ? ""
            : `<a class="anchor" href="#${id}" aria-label="Link to this section">#</a>`;
        return `<h${depth} id="${id}">${inner}${link}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link): string {
        const place = placeOf(href);
        links.push(place);
        return `<a href="${escaped(place)}">${this.parser.parseInline(tokens)}</a>`;
      },
      code({ text, lang = "" }: Tokens.Code): string {
        return `<pre tabindex="0"><code data-language="${escaped(lang)}">${escaped(text)}</code></pre>\n`;
      },
      table(token: Tokens.Table): string {
        const row = (cells: readonly Tokens.TableCell[], tag: string) =>
          `<tr>${cells.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join("")}</tr>`;
        const head = row(token.header, 'th scope="col"').replaceAll('</th scope="col">', "</th>");
        const body = token.rows.map((cells) => row(cells, "td")).join("\n");
        return `<div class="table" tabindex="0"><table><thead>${head}</thead><tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  const body = marked.parse(markdown.replace(/^<!--.*?-->$/gms, ""), { async: false });
  if (title === "") throw new Error(`No title: ${markdown.slice(0, 80)}`);
  return { title, body, sections, ids, links };
}

/** As GitHub makes them: one that comes again is numbered. */
function idOf(text: string, seen: Map<string, number>): string {
  const id = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
  const before = seen.get(id) ?? 0;
  seen.set(id, before + 1);
  return before === 0 ? id : `${id}-${before}`;
}

function plain(inner: string): string {
  return inner.replace(/<[^>]+>/g, "");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Nothing is loaded but the style sheet beside it. */
export function html({ title, body, sections }: Rendered, { home, groups }: Navigation): string {
  const link = ({ title: name, href, isCurrent }: Place) =>
    `<a href="${href}"${isCurrent ? ' aria-current="page"' : ""}>${escaped(name)}</a>`;
  const lists = groups
    .map(
      (group) =>
        `<h2>${escaped(group.title)}</h2>\n<ul>${group.pages.map((page) => `<li>${link(page)}</li>`).join("\n")}</ul>`,
    )
    .join("\n");
  const onThisPage =
    sections.length < 3
      ? ""
      : `<nav class="sections" aria-label="On this page"><ul>${sections
          .map((section) => `<li><a href="#${section.id}">${section.title}</a></li>`)
          .join("\n")}</ul></nav>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; img-src 'self' data:">
<title>${title === home.title ? title : `${title} · ${home.title}`}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>${link(home)}</header>
<details class="menu"><summary>All pages</summary><nav aria-label="All pages, short">${lists}</nav></details>
<nav class="pages" aria-label="All pages">${lists}</nav>
<main id="content">
${body.replace("</h1>\n", () => `</h1>\n${onThisPage}\n`)}</main>
</body>
</html>
`;
}
