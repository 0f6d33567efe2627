/** Verdicts of the doctor, and their text. */
import { type Io, oneLine, redacted } from "../io.js";

/** The result of one examination, which is one line of the output. */
export interface Verdict {
  /** `info`: a fact, neither good nor bad. */
  readonly level: "ok" | "warning" | "error" | "info";
  readonly what: string;
  /** The finding, with the remedy if there is one. */
  readonly detail?: string;
}

export interface Section {
  readonly title: string;
  readonly verdicts: readonly Verdict[];
}

export function ok(what: string, detail?: string): Verdict {
  return { level: "ok", what, ...(detail !== undefined && { detail }) };
}

export function info(what: string, detail: string): Verdict {
  return { level: "info", what, detail };
}

export function warning(what: string, detail: string): Verdict {
  return { level: "warning", what, detail };
}

export function wrong(what: string, detail: string): Verdict {
  return { level: "error", what, detail };
}

const marks = {
  ok: ["green", "ok"],
  warning: ["yellow", "warning"],
  error: ["red", "error"],
  info: ["dim", "-"],
} as const;

export function sectionText({ title, verdicts }: Section, io: Io): string {
  const lines = verdicts.map(({ level, what, detail }) => {
    const [style, word] = marks[level];
    return `  ${io.paint(style, word.padEnd(7))}  ${what}${detail === undefined ? "" : `: ${redacted(oneLine(detail), io.secrets)}`}`;
  });
  return `${io.paint("bold", title)}\n${lines.join("\n")}\n\n`;
}
