/** The few forms of Markdown that the generated pages have. */

export const banner =
  "<!-- Made by `npm run docs`. Change docs/generate and what it reads, never this file. -->";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What stands in a table's cell as it is. */
export function code(text: string): string {
  const shown = text.replaceAll("|", "\\|").replaceAll("\n", "⏎");
  return shown === "" ? "(empty)" : shown.includes("`") ? `\`\` ${shown} \`\`` : `\`${shown}\``;
}

export function paragraphs(...parts: readonly string[]): string {
  return `${parts.join("\n\n")}\n`;
}
