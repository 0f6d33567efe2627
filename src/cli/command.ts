/** The types of a sub-command, and the errors that end it. */
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

/** A `Problem` of the arguments. The line is followed by a reference to the help. */
export class UsageProblem extends Problem {}
