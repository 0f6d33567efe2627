/** What a reader of a page does, in order: saves files, runs commands, compares what they print. */
import { readFile } from "node:fs/promises";

export type Step =
  /** A block whose first line is a comment with a file's name. */
  | { readonly kind: "file"; readonly name: string; readonly text: string }
  /** A block of `sh`: complete commands, each of one or several lines. */
  | { readonly kind: "commands"; readonly text: string }
  /** A block of `sh server`: a command that goes on running. What follows is for a second terminal. */
  | { readonly kind: "server"; readonly text: string }
  /** A block of `text`: what the commands in front of it have printed. */
  | { readonly kind: "output"; readonly text: string };

/** @param heading the section that is read, up to the next heading of its level; the whole page without it */
export async function stepsOf(page: string, heading?: string): Promise<readonly Step[]> {
  const whole = await readFile(page, "utf8");
  const text = heading === undefined ? whole : section(whole, heading);
  const fences = text.matchAll(/^```([\w ]+)\n(.*?)^```$/gms);
  const steps = Array.from(fences, ([, info = "", block = ""]) => stepOf(info, block));
  if (steps.length === 0) throw new Error(`${page} has no blocks to paste.`);
  return steps;
}

function stepOf(info: string, text: string): Step {
  const name = /^(?:\/\/|--|#) ([\w.-]+)\n/.exec(text)?.[1];
  if (name !== undefined) return { kind: "file", name, text };
  if (info === "sh") return { kind: "commands", text };
  if (info === "sh server") return { kind: "server", text };
  if (info === "text") return { kind: "output", text };
  throw new Error(`A block of "${info}" needs a file's name in its first line:\n${text}`);
}

function section(page: string, heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  if (start === -1) throw new Error(`There is no heading "${heading}".`);
  const level = /^#+/.exec(heading)?.[0] ?? "";
  const end = page.indexOf(`\n${level} `, start + heading.length + 1);
  return page.slice(start, end === -1 ? undefined : end);
}
