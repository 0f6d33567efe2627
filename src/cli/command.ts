/** What a sub-command is, what it is given, and how it ends. */
import type { Io } from "./io.js";

/** 0: everything is fine. 1: there are findings, or something was not done. 2: nothing could be done: wrong usage, no configuration, no database. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  /** One line, for the overview. */
  readonly summary: string;
  /** @param args what stands behind the command's name */
  run(args: readonly string[], io: Io): Promise<ExitCode>;
}

/** The command ends with 2 and this one line, which says what to do. */
export class Problem extends Error {
  override readonly name = "Problem";
}

/** A `Problem` of the arguments: the line is followed by where help is. */
export class UsageProblem extends Problem {}
