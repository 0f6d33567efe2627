/** Reads a command's arguments with Node's `parseArgs`, and makes the help from the same table. */
import { parseArgs } from "node:util";
import { UsageProblem } from "./command.js";
import type { Io } from "./io.js";

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
 * @param most how many arguments it takes that are no options
 * @returns `undefined` where help was asked for, and has been written
 * @throws UsageProblem
 */
export async function readArguments<const Specs extends OptionSpecs>(
  args: readonly string[],
  help: Help<Specs>,
  io: Io,
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
  if (extra !== undefined) throw new UsageProblem(`The argument "${extra}" is not expected here.`);
  const empty = Object.entries(values).find(([, value]) => value === "");
  if (empty !== undefined) throw new UsageProblem(`The option --${empty[0]} has an empty value.`);
  // Safe: `parseArgs` has read each by its type in the same table.
  return { values: values as Arguments<Specs>["values"], positionals };
}

function parsed(args: string[], options: NonNullable<Parameters<typeof parseArgs>[0]>["options"]) {
  try {
    return parseArgs({ args, options: options ?? {}, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Only the first sentence: the rest of Node's message is about arguments that begin with a dash.
    const [sentence = ""] = error.message.split(/\.(?:\s|$)/, 1);
    throw new UsageProblem(`${sentence}.`);
  }
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

const leftColumn = 28;

function helpText({ usage, about, options, examples = [] }: Help<OptionSpecs>, io: Io): string {
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
    ...usage.map((each, index) => `${index === 0 ? "Usage:" : "      "} powersync-writes ${each}`),
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
