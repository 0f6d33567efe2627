/** Finds the command for the arguments, runs it, prints a failure in one line, and returns the exit code. */
import { type Command, commandLines, Problem, unknownCommand, UsageProblem } from "./command.js";
import { describeError, type Io } from "./io.js";
import { packageVersion } from "./packages.js";

/** The commands. */
const commands: readonly Command[] = [
  {
    name: "init",
    summary: "write a configuration and a server from a database or a client schema",
    run: async (args, io) => (await import("./init.js")).init(args, io),
  },
  {
    name: "check",
    summary: "compare the rules with the database and the client schema",
    run: async (args, io) => (await import("./check.js")).check(args, io),
  },
  {
    name: "tables",
    summary: "create the library's own tables, or print their SQL",
    run: async (args, io) => (await import("./tables.js")).tables(args, io),
  },
  {
    name: "letters",
    summary: "list, show, edit, retry, discard and export dead letters",
    run: async (args, io) => (await import("./letters.js")).letters(args, io),
  },
  {
    name: "doctor",
    summary: "examine a running deployment and its database",
    run: async (args, io) => (await import("./doctor.js")).doctor(args, io),
  },
  {
    name: "audit",
    summary: "test any write endpoint against the contract, over HTTP only",
    run: async (args, io) => (await import("./audit.js")).audit(args, io),
  },
];

/** The exit code of an interrupted process, by convention. */
const interruptedCode = 130;

/** Runs a command. Never rejects. @returns the process's exit code */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === "--version" || name === "-v") {
      await io.out(`${packageVersion()}\n`);
      return 0;
    }
    if (name === "help" && rest[0] !== undefined) {
      return await started(rest[0], [...rest.slice(1), "--help"], io);
    }
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
      await io.out(overview(io));
      return name === undefined ? 2 : 0;
    }
    return await started(name, rest, io);
  } catch (error) {
    io.progress(undefined);
    if (io.signal.aborted) {
      io.note("Interrupted.");
      return interruptedCode;
    }
    io.note(`${io.paintNote("red", "error:")} ${describeError(error, io)}`);
    if (error instanceof UsageProblem) {
      const about = commands.some((each) => each.name === name)
        ? ` ${await whereHelpIs(args)}`
        : "";
      io.note(`Run \`npx powersync-writes${about} --help\` for the options.`);
    } else if (!(error instanceof Problem) && io.env["DEBUG"] === "powersync-writes") {
      io.note(error instanceof Error ? (error.stack ?? "") : "");
    }
    return 2;
  } finally {
    io.progress(undefined);
    await io.close();
  }
}

/** The options of `letters retry` are in the help of the action, not of the command. */
async function whereHelpIs([command = "", action = ""]: readonly string[]): Promise<string> {
  if (command !== "letters") return command;
  const { isAction } = await import("./letters.js");
  return isAction(action) ? `${command} ${action}` : command;
}

async function started(name: string, args: readonly string[], io: Io): Promise<number> {
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw unknownCommand(name, "command", commands);
  const code = await untilInterrupted(command.run(args, io), io.signal);
  return io.signal.aborted ? interruptedCode : code;
}

/** After an interrupt, the connection ends, and the database rolls back open transactions. */
async function untilInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const interrupted = new Promise<never>((_resolve, reject) => {
    const stop = () => reject(new Problem("Interrupted."));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  interrupted.catch(() => undefined);
  return Promise.race([work, interrupted]);
}

function overview(io: Io): string {
  return `${io.paint("bold", "powersync-writes")} ${packageVersion()}: the write path for PowerSync

Usage: npx powersync-writes <command> [options]

${commandLines(commands, io)}

\`npx powersync-writes <command> --help\` describes a command and its options.
Exit codes: 0 no problems, 1 there are problems, 2 wrong usage or nothing could be done.
`;
}
