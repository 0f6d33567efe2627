/** `powersync-writes letters`: handles dead letters in a terminal. Each action has its own file. */
import { type Command, commandLines, type ExitCode, Problem, unknownCommand } from "./command.js";
import type { Io } from "./io.js";

const actions: readonly Command[] = [
  {
    name: "list",
    summary: "list letters, newest first, or count them by cause",
    run: async (args, io) => (await import("./letters/list.js")).list(args, io),
  },
  {
    name: "show",
    summary: "show one letter: its failure, operations, rows and dependants",
    run: async (args, io) => (await import("./letters/show.js")).show(args, io),
  },
  {
    name: "edit",
    summary: "edit what a letter will write, in $VISUAL or $EDITOR",
    run: async (args, io) => (await import("./letters/edit.js")).edit(args, io),
  },
  {
    name: "retry",
    summary: "apply letters, with their dependants, as the users who sent them",
    run: async (args, io) => (await import("./letters/retry.js")).retry(args, io),
  },
  {
    name: "discard",
    summary: "close letters without writing anything",
    run: async (args, io) => (await import("./letters/discard.js")).discard(args, io),
  },
  {
    name: "export",
    summary: "write whole letters as JSON lines, oldest first",
    run: async (args, io) => (await import("./letters/export.js")).exportLetters(args, io),
  },
];

export function isAction(name: string): boolean {
  return actions.some((each) => each.name === name);
}

export async function letters(args: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    await io.out(actionsHelp(io));
    return name === undefined ? 2 : 0;
  }
  const action = actions.find((each) => each.name === name);
  if (action === undefined) throw unknownCommand(name, "action", actions);
  try {
    return await action.run(rest, io);
  } catch (error) {
    if (error instanceof Problem) throw error;
    // Nearly always the database's. The same words as with `check`.
    const { describeDatabaseError } = await import("./database-url.js");
    throw new Problem(`The letters can't be reached: ${describeDatabaseError(error, io)}`);
  }
}

function actionsHelp(io: Io): string {
  return `Usage: npx powersync-writes letters <action> [options]

${commandLines(actions, io)}

\`npx powersync-writes letters <action> --help\` describes an action and its options.
`;
}
