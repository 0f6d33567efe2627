/** `docs/llms.txt`: the pages, each with what it is about, for programs that read documentation. See https://llmstxt.org. */
import { contents } from "./contents.js";

export async function llmsText(): Promise<string> {
  const groups = (await contents()).map(({ title, pages }) => {
    const lines = pages.map(
      ({ file, title: name, about }) =>
        `- [${name}](${file.replace(/^docs\//, "")})${about === "" ? "" : `: ${sentence(about)}`}`,
    );
    return `## ${title}\n\n${lines.join("\n")}`;
  });
  return `${[
    "# powersync-writes",
    "> The write path for PowerSync as a TypeScript library: an upload endpoint that authenticates, checks and applies each client transaction to the source database once, and the connector that calls it.",
    ...groups,
  ].join("\n\n")}\n`;
}

/** The first one. */
function sentence(text: string): string {
  return /^.*?[.:!?](?= [A-Z`]|$)/.exec(text)?.[0].replace(/:$/, ".") ?? text;
}
