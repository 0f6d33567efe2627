/** The parts of a command: its exit codes, the errors that end it, its arguments, and its help. */
import { parseArgs } from "node:util";
import { didYouMean, nearestTo } from "../config/nearest.js";
import type { Principal } from "../context.js";
import type { Io } from "./io.js";

/** 0: no problems. 1: there are problems, or something was not done. 2: nothing could be done, because of wrong usage, no configuration or no database. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  /** One line, for the overview. */
  readonly summary: string;
  /** @param args the arguments after the command's name */
  run(args: readonly string[], io: Io): Promise<ExitCode>;
}

/** Ends the command with exit code 2 and this message: one line that says what to do. */
export class Problem extends Error {
  override readonly name = "Problem";
}

/** A `Problem` of the arguments. A second line refers to the help. */
export class UsageProblem extends Problem {}

interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
  /** The placeholder for the value in the help. */
  readonly value?: string;
  readonly about: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface Help<Specs extends OptionSpecs> {
  /** The usage lines, without the program's name. */
  readonly usage: readonly string[];
  readonly about: string;
  readonly options: Specs;
  readonly examples?: readonly string[];
}

type ValueOf<Spec extends OptionSpec> = Spec["type"] extends "boolean"
  ? boolean
  : Spec["multiple"] extends true
    ? readonly string[]
    : string;

interface Arguments<Specs extends OptionSpecs> {
  readonly values: { readonly [Name in keyof Specs]?: ValueOf<Specs[Name]> };
  readonly positionals: readonly string[];
}

/**
 * @param most the most arguments, besides options, that the command takes
 * @returns `undefined` if `--help` was given; the help has then been printed
 * @throws UsageProblem
 */
export async function readArguments<const Specs extends OptionSpecs>(
  args: readonly string[],
  help: Help<Specs>,
  io: Pick<Io, "out" | "paint">,
  most = 0,
): Promise<Arguments<Specs> | undefined> {
  const options = Object.fromEntries(
    Object.entries(help.options).map(([name, { type, multiple = false, short }]) => [
      name,
      { type, multiple, ...(short !== undefined && { short }) },
    ]),
  );
  const helpOption = { help: { type: "boolean", short: "h" } } as const;
  const { values, positionals } = parsed([...args], { ...options, ...helpOption });
  if (values["help"] === true) {
    await io.out(helpText(help, io));
    return undefined;
  }
  const extra = positionals[most];
  if (extra !== undefined) throw new UsageProblem(`The argument "${extra}" is not expected.`);
  const empty = Object.entries(values).find(([, value]) => value === "");
  if (empty !== undefined) throw new UsageProblem(`The option --${empty[0]} has an empty value.`);
  // Safe: `parseArgs` has read each value by its type in the same table.
  return { values: values as Arguments<Specs>["values"], positionals };
}

function parsed(args: string[], options: NonNullable<Parameters<typeof parseArgs>[0]>["options"]) {
  const names = Object.keys(options ?? {});
  refuseSingleDash(args, names);
  try {
    return parseArgs({ args, options: options ?? {}, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Only the first sentence, because the rest of Node's message is about arguments that begin with a dash.
    const [sentence = ""] = error.message.split(/\.(?:\s|$)/, 1);
    const [, unknown] = /^Unknown option '--([^']+)'/.exec(sentence) ?? [];
    const nearest = unknown === undefined ? undefined : nearestTo(unknown, names);
    throw new UsageProblem(
      nearest === undefined ? `${sentence}.` : `${sentence}. Did you mean --${nearest}?`,
    );
  }
}

/** With one dash, `-config x` would be the short option `-c` with the value "onfig". */
function refuseSingleDash(args: readonly string[], names: readonly string[]): void {
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  for (const argument of options) {
    const [, name = ""] = /^-([a-z][\w-]+)(?:=|$)/.exec(argument) ?? [];
    if (names.includes(name)) {
      throw new UsageProblem(`Unknown option '-${name}'. Did you mean --${name}?`);
    }
  }
}

/** The error for an unknown command. It names the most similar command. */
export function unknownCommand(
  given: string,
  what: "command" | "action",
  commands: readonly Command[],
): UsageProblem {
  const names = commands.map(({ name }) => name);
  const example = `npx powersync-writes ${what === "action" ? "letters " : ""}<${what}> [options]`;
  return new UsageProblem(
    given.startsWith("-")
      ? `The ${what} comes before its options: ${example}.`
      : `There is no ${what} "${given}". ${didYouMean(given, names)}`,
  );
}

/** The commands with their summaries, one per line. */
export function commandLines(commands: readonly Command[], { paint }: Pick<Io, "paint">): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return commands
    .map(({ name, summary }) => `  ${paint("bold", name.padEnd(width))}  ${summary}`)
    .join("\n");
}

/** @throws UsageProblem for any other word */
export function oneOf<const Word extends string>(
  option: string,
  given: string,
  words: readonly Word[],
): Word {
  const word = words.find((each) => each === given);
  if (word === undefined) {
    throw new UsageProblem(`--${option} must be one of ${words.join(", ")}.`);
  }
  return word;
}

/** @throws UsageProblem */
export function wholeNumber(option: string, given: string): number {
  if (!/^[1-9]\d{0,8}$/.test(given)) {
    throw new UsageProblem(`--${option} must be a whole number above 0.`);
  }
  return Number(given);
}

/** @throws UsageProblem */
export function jsonObject(option: string, given: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(given);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Refused below.
  }
  throw new UsageProblem(`--${option} must be a JSON object.`);
}

/** @throws UsageProblem for JSON that is not a principal */
export function principalIn(option: string, given: string): Principal {
  const principal = jsonObject(option, given);
  const { userId } = principal;
  if (typeof userId !== "string") {
    throw new UsageProblem(`--${option} must have a "userId" that is text.`);
  }
  return { ...principal, userId };
}

const leftColumn = 28;

function helpText(
  { usage, about, options, examples = [] }: Help<OptionSpecs>,
  io: Pick<Io, "paint">,
): string {
  const all: OptionSpecs = {
    ...options,
    help: { type: "boolean", short: "h", about: "print this help" },
  };
  const rows = Object.entries(all).map(([name, { short, value, type, about: text }]) => {
    const left = `  ${short === undefined ? "    " : `-${short}, `}--${name}${type === "string" ? ` ${value ?? "VALUE"}` : ""}`;
    const gap = left.length >= leftColumn + 4 ? `\n${" ".repeat(leftColumn + 4)}` : "";
    return `${left.padEnd(leftColumn + 4)}${gap}${text}`;
  });
  const lines = [
    ...usage.map(
      (each, index) => `${index === 0 ? "Usage:" : "      "} npx powersync-writes ${each}`,
    ),
    "",
    about,
    "",
    io.paint("bold", "Options"),
    ...rows,
    ...(examples.length === 0 ? [] : ["", io.paint("bold", "Examples")]),
    ...examples.map((each) => `  ${each}`),
  ];
  return `${lines.join("\n")}\n`;
}
