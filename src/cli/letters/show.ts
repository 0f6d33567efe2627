/** `letters show`. */
import { wireLetter } from "../../dead-letters/query.js";
import type { LetterComparison } from "../../dead-letters/types.js";
import type { Letter } from "../../store/letters.js";
import { stringifyJson } from "../../wire/serialize.js";
import { type Help, readArguments, type ExitCode, UsageProblem } from "../command.js";
import { oneLine, printable, type Io } from "../io.js";
import { configOptions, loadConfig } from "../load-config.js";
import { prettyJson } from "./text.js";

const options = {
  json: { type: "boolean", about: "write JSON" },
  ...configOptions,
} as const;

const help: Help<typeof options> = {
  usage: ["letters show ID [--json]"],
  about: "Shows all of one letter. Exit code 1: there is no such letter.",
  options,
};

export async function show(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io, 1);
  if (given === undefined) return 0;
  const { values } = given;
  const [id] = given.positionals;
  if (id === undefined)
    throw new UsageProblem("Name a letter: npx powersync-writes letters show ID.");
  const { writes, whose } = await loadConfig(values, io);
  const letter = await writes.deadLetters.get(id, whose);
  if (letter === undefined) {
    io.note(`There is no letter ${oneLine(id)}.`);
    return 1;
  }
  if (values.json === true) {
    await io.out(`${prettyJson(wireLetter(letter))}\n`);
    return 0;
  }
  const dependants = letter.dependants === 0 ? [] : await firstDependants(id);
  const comparison = await writes.deadLetters.compare(id, whose);
  await io.out(`${letterText(letter, dependants, io)}\n${comparedText(comparison, io)}`);
  return 0;

  async function firstDependants(root: string): Promise<readonly string[]> {
    const page = await writes.deadLetters.list({ root, order: "oldest", limit: 20, ...whose });
    return page.letters.map((each) => `${each.id}  ${each.status}  ${oneLine(each.message)}`);
  }
}

/** The values that the letter would write, beside the device's previous values and the stored ones. */
function comparedText(comparison: LetterComparison | undefined, { paint }: Io): string {
  const lines = (comparison?.operations ?? []).flatMap(
    ({ op = "?", table = "?", id = "?", base, theirs, yours = {} }) => [
      `  ${oneLine(`${op} ${table} ${id}`)}${theirs === null ? ": there is no such row now" : theirs === undefined ? ": can't be read" : ""}`,
      ...Object.keys(yours).map((name) => {
        const values = [
          ...(base === undefined ? [] : [`base ${valueText(base[name])}`]),
          ...(theirs === null || theirs === undefined ? [] : [`theirs ${valueText(theirs[name])}`]),
          `yours ${valueText(yours[name])}`,
        ];
        return `    ${oneLine(name)}: ${values.join(", ")}`;
      }),
    ],
  );
  if (lines.length === 0) return "";
  const more = comparison?.more ?? 0;
  const rest = more === 0 ? [] : [`  and ${more} more operations`];
  return ["", paint("bold", "Rows now"), ...lines, ...rest, ""].join("\n");
}

const longestValue = 200;

function valueText(value: unknown): string {
  const text = value === undefined ? "not set" : oneLine(stringifyJson(value));
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}

function letterText(letter: Letter, dependants: readonly string[], { paint }: Io): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Letter", letter.id],
    ["Status", letter.reason === undefined ? letter.status : `${letter.status}: ${letter.reason}`],
    ["Failure", `${letter.errorCode}: ${letter.message}`],
    ["Operation", letter.operationIndex === undefined ? undefined : String(letter.operationIndex)],
    ["User", letter.userId],
    ["Device", letter.clientId],
    ["First seen", letter.firstSeenAt],
    ["Last seen", letter.lastSeenAt],
    ["Failed", `${letter.attempts}×`],
    ["Depends on", letter.root],
    ["Closed", letter.closedAt],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const rows = letter.rows.map(
    ({ table, id, present }) =>
      `  ${oneLine(table)} ${oneLine(id)}: ${present ? "was there" : "was not there"}`,
  );
  const unread =
    letter.unreadRows === 0 ? [] : [`  and ${letter.unreadRows} rows that could not be read`];
  return [
    ...facts.flatMap(([name, value]) =>
      value === undefined ? [] : [`${paint("bold", name.padEnd(width))}  ${oneLine(value)}`],
    ),
    "",
    paint("bold", letter.edited ? "Payload, edited" : "Payload"),
    printable(prettyJson(letter.payload)),
    ...(letter.originalPayload === undefined
      ? []
      : ["", paint("bold", "As it was recorded"), printable(prettyJson(letter.originalPayload))]),
    ...(rows.length + unread.length === 0
      ? []
      : ["", paint("bold", "Rows when it was recorded"), ...rows, ...unread]),
    ...(dependants.length === 0
      ? []
      : [
          "",
          paint("bold", `Dependants: ${letter.dependants} wait`),
          ...dependants.map((line) => `  ${line}`),
        ]),
  ].join("\n");
}
