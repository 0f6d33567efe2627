/** `letters list`. */
import { wireSummary } from "../../dead-letters/query.js";
import type { LetterSummary } from "../../store/letters.js";
import { type Help, oneOf, readArguments, wholeNumber, type ExitCode } from "../command.js";
import { oneLine, type Io } from "../io.js";
import { configOptions, type Loaded, loadConfig } from "../load-config.js";
import { filterOf, filterOptions } from "./filter.js";

const options = {
  ...filterOptions,
  "by-cause": {
    type: "boolean",
    about: "count letters by error code and table, most frequent first",
  },
  limit: { type: "string", value: "N", about: "the most letters to list (default: 50)" },
  order: { type: "string", value: "ORDER", about: "newest (default) or oldest first" },
  json: { type: "boolean", about: "write JSON" },
  ...configOptions,
} as const;

const help: Help<typeof options> = {
  usage: ["letters list [filters] [--by-cause] [--limit N] [--json]"],
  about: "Lists letters. Without --status, lists those that wait: open and stale ones.",
  options,
  examples: [
    "npx powersync-writes letters list --code FOREIGN_KEY_VIOLATION --since 2026-01-31",
    "npx powersync-writes letters list --by-cause",
  ],
};

export async function list(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io);
  if (given === undefined) return 0;
  const { values } = given;
  const filter = filterOf({ status: ["open", "stale"], ...values });
  const order = oneOf("order", values.order ?? "newest", ["newest", "oldest"]);
  const byCause = values["by-cause"] === true;
  const most =
    values.limit !== undefined ? wholeNumber("limit", values.limit) : byCause ? Infinity : 50;
  const loaded = await loadConfig(values, io);
  const pages = pagesOf(loaded, { ...filter, order }, most, io);
  if (byCause) {
    await writeCauses(pages, values.json === true, io);
    return 0;
  }
  const found: LetterSummary[] = [];
  let more = false;
  for await (const page of pages) {
    found.push(...page.letters);
    more = page.more;
  }
  io.progress(undefined);
  if (values.json === true) {
    await io.out(`${JSON.stringify({ letters: found.map(wireSummary), more }, null, 2)}\n`);
    return 0;
  }
  for (const letter of found) await io.out(`${summaryText(letter, io)}\n`);
  if (found.length === 0) await io.out("There are no such letters.\n");
  if (more) io.note(`There are more letters. To see them, use --limit ${found.length * 10}.`);
  return 0;
}

/** Reads letters in pages, so that few are in memory, and only those that are shown are read. */
async function* pagesOf(
  { writes, whose }: Loaded,
  filter: Parameters<Loaded["writes"]["deadLetters"]["list"]>[0],
  most: number,
  io: Io,
): AsyncGenerator<{ readonly letters: readonly LetterSummary[]; readonly more: boolean }> {
  let left = most;
  let cursor: string | undefined;
  do {
    const { letters, next } = await writes.deadLetters.list({
      ...filter,
      ...whose,
      limit: Math.min(left, 500),
      ...(cursor !== undefined && { cursor }),
    });
    left -= letters.length;
    cursor = next;
    if (most !== Infinity || next !== undefined) io.progress("Reading letters …");
    yield { letters, more: next !== undefined };
  } while (cursor !== undefined && left > 0 && !io.signal.aborted);
}

interface Cause {
  readonly error_code: string;
  readonly tables: readonly string[];
  readonly message: string;
  letters: number;
  oldest: string;
}

async function writeCauses(
  pages: ReturnType<typeof pagesOf>,
  json: boolean,
  io: Io,
): Promise<void> {
  const causes = new Map<string, Cause>();
  for await (const { letters } of pages) {
    for (const { errorCode, tables, message, firstSeenAt } of letters) {
      const key = JSON.stringify([errorCode, tables]);
      const known = causes.get(key);
      if (known === undefined) {
        const cause = { error_code: errorCode, tables, message, letters: 1, oldest: firstSeenAt };
        causes.set(key, cause);
      } else {
        known.letters += 1;
        if (firstSeenAt < known.oldest) known.oldest = firstSeenAt;
      }
    }
  }
  io.progress(undefined);
  const sorted = [...causes.values()].toSorted((one, other) => other.letters - one.letters);
  if (json) {
    await io.out(`${JSON.stringify({ causes: sorted }, null, 2)}\n`);
    return;
  }
  if (sorted.length === 0) await io.out("There are no such letters.\n");
  for (const { letters, error_code, tables, message, oldest } of sorted) {
    await io.out(
      `${String(letters).padStart(7)}  ${io.paint("bold", oneLine(error_code))}  ${oneLine(tables.join(", "))}  ${io.paint("dim", `oldest ${oldest.slice(0, 19)}Z, latest message: ${oneLine(message)}`)}\n`,
    );
  }
}

/** Describes a letter in two lines. Text from devices is cleaned, because it may contain anything. */
function summaryText(letter: LetterSummary, { paint }: Io): string {
  const { id, status, errorCode, message, userId, tables, firstSeenAt, attempts } = letter;
  const { root, dependants } = letter;
  const style = status === "open" ? "red" : status === "stale" ? "yellow" : "dim";
  const chain =
    root !== undefined
      ? `, depends on ${root}`
      : dependants > 0
        ? `, ${dependants} depend on it`
        : "";
  return `${paint("bold", id)}  ${paint(style, status)}  ${oneLine(errorCode)}  ${oneLine(tables.join(", "))}
  ${oneLine(message)} ${paint("dim", `user ${oneLine(userId)}, first seen ${firstSeenAt.slice(0, 19)}Z, failed ${attempts}×${chain}`)}`;
}
