/** `powersync-writes letters`: dead letters in a terminal. Each action has its own file. */
import { type Command, type ExitCode, UsageProblem } from "./command.js";
import type { Io } from "./io.js";

const actions: readonly Command[] = [
  {
    name: "list",
    summary: "the letters, newest first, or how many there are by cause",
    run: async (args, io) => (await import("./letters/list.js")).list(args, io),
  },
  {
    name: "show",
    summary: "one letter: its failure, its operations, its rows, its dependants",
    run: async (args, io) => (await import("./letters/show.js")).show(args, io),
  },
  {
    name: "edit",
    summary: "change what a letter will write, in $VISUAL or $EDITOR",
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
    summary: "whole letters as JSON lines, oldest first",
    run: async (args, io) => (await import("./letters/export.js")).exportLetters(args, io),
  },
];

export async function letters(args: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    await io.out(overview(io));
    return name === undefined ? 2 : 0;
  }
  const action = actions.find((each) => each.name === name);
  if (action === undefined) {
    const names = actions.map((each) => each.name).join(", ");
    throw new UsageProblem(`"letters" has no action "${name}". The actions are ${names}.`);
  }
  return action.run(rest, io);
}

function overview({ paint }: Io): string {
  const lines = actions.map(({ name, summary }) => `  ${paint("bold", name.padEnd(8))} ${summary}`);
  return `Usage: powersync-writes letters <action> [options]

${lines.join("\n")}

\`npx powersync-writes letters <action> --help\` describes an action and its options.
`;
}
