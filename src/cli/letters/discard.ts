/** `letters discard`: by ids, or many by a filter. */
import type { BulkDiscardReport } from "../../dead-letters/types.js";
import {
  type Help,
  oneOf,
  readArguments,
  wholeNumber,
  type ExitCode,
  UsageProblem,
} from "../command.js";
import { counted, oneLine, type Io } from "../io.js";
import { configOptions, loadConfig } from "../load-config.js";
import { chosen, countWaiting, filterOptions } from "./filter.js";
import { discardOutcome } from "./text.js";

const options = {
  reason: {
    type: "string",
    short: "r",
    value: "TEXT",
    about: "the reason, which is kept with the letter. Required",
  },
  dependants: {
    type: "string",
    value: "CHOICE",
    about: "discard: also discard the letters that depend on it. keep: they go on waiting",
  },
  ...filterOptions,
  all: { type: "boolean", about: "every letter that waits" },
  limit: { type: "string", value: "N", about: "the most letters to discard" },
  yes: { type: "boolean", short: "y", about: "discard many letters without asking" },
  json: { type: "boolean", about: "write JSON" },
  ...configOptions,
} as const;

const help: Help<typeof options> = {
  usage: [
    "letters discard ID… --reason TEXT [--dependants discard|keep]",
    "letters discard (filters | --all) --reason TEXT [--yes]",
  ],
  about:
    "Closes letters without writing anything: the users' changes are never made.\nWithout --dependants, a letter that others depend on is not discarded.\nExit codes: 0 all were discarded, 1 some were not.",
  options,
  examples: [
    'npx powersync-writes letters discard --client 3f1c… --reason "The device was a test."',
  ],
};

export async function discard(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io, Infinity);
  if (given === undefined) return 0;
  const { values, positionals } = given;
  const { reason } = values;
  if (reason === undefined || reason.trim() === "")
    throw new UsageProblem("Give a reason with --reason TEXT.");
  const which = chosen(positionals, values, "discard");
  const dependants =
    values.dependants === undefined
      ? {}
      : { dependants: oneOf("dependants", values.dependants, ["discard", "keep"]) };
  const limit = values.limit === undefined ? Infinity : wholeNumber("limit", values.limit);
  const { writes, whose } = await loadConfig(values, io);
  const json = values.json === true;
  if ("ids" in which) {
    let code: ExitCode = 0;
    for (const id of which.ids) {
      const result = await writes.deadLetters.discard(id, reason, { ...dependants, ...whose });
      if (result.status !== "discarded") code = 1;
      await io.out(
        json
          ? `${JSON.stringify({ id, ...result })}\n`
          : `${oneLine(id)}  ${discardOutcome(result)}\n`,
      );
    }
    return code;
  }
  const { filter } = which;
  const waiting = await countWaiting(writes.deadLetters, filter, whose);
  const many = waiting === undefined ? "many letters" : counted(Math.min(waiting, limit), "letter");
  if (waiting === 0) {
    io.note("No waiting letter matches.");
    return 0;
  }
  if (io.interactive && values.yes !== true && !(await io.confirm(`Discard ${many}?`))) return 1;
  const ids: string[] = [];
  const refused: string[] = [];
  let cursor: string | undefined;
  let left = limit;
  do {
    const size = Math.min(lettersAtOnce, left);
    const report: BulkDiscardReport = await writes.deadLetters.discardAll(filter, reason, {
      ...dependants,
      ...whose,
      limit: size,
      ...(cursor !== undefined && { cursor }),
    });
    ids.push(...report.ids);
    refused.push(...(report.refused ?? []));
    left -= size;
    cursor = report.next;
    io.progress(`${ids.length} of ${many} …`);
  } while (cursor !== undefined && left > 0 && !io.signal.aborted);
  io.progress(undefined);
  if (json) {
    const report = { discarded: ids.length, ids, refused };
    await io.out(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    await io.out(`${counted(ids.length, "letter")} discarded.\n`);
    for (const id of refused) {
      await io.out(`${id}  ${io.paint("yellow", "not discarded: others depend on it")}\n`);
    }
  }
  return refused.length === 0 ? 0 : 1;
}

const lettersAtOnce = 100;
