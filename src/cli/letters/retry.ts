/** `letters retry`: by ids, or many by a filter. */
import type { Principal } from "../../context.js";
import type { BulkRetryReport, RetryResult } from "../../dead-letters/types.js";
import {
  type Help,
  principalIn,
  readArguments,
  wholeNumber,
  type ExitCode,
  UsageProblem,
} from "../command.js";
import { counted, oneLine, type Io } from "../io.js";
import { configOptions, type Loaded, loadConfig } from "../load-config.js";
import { chosen, countWaiting, filterOptions } from "./filter.js";
import { retryOutcome } from "./text.js";

const options = {
  ...filterOptions,
  all: { type: "boolean", about: "every letter that waits" },
  force: { type: "boolean", about: "retry even if rows have changed since a letter was recorded" },
  as: {
    type: "string",
    value: "JSON",
    about: "retry one letter as this principal, instead of the stored one; same userId",
  },
  limit: { type: "string", value: "N", about: "the most letters to retry" },
  yes: { type: "boolean", short: "y", about: "retry many letters without asking" },
  json: { type: "boolean", about: "write one line of JSON for each letter" },
  ...configOptions,
} as const;

const help: Help<typeof options> = {
  usage: ["letters retry ID… [--force]", "letters retry (filters | --all) [--limit N] [--yes]"],
  about:
    "Applies letters, oldest first, as the users who sent them. A letter's dependants are applied with it, in order.\nIf a letter of a device is not applied, the device's later letters are skipped. An interrupted run can be repeated.\nExit codes: 0 all were applied, 1 some were not.",
  options,
  examples: [
    "npx powersync-writes letters retry --code FOREIGN_KEY_VIOLATION --table todos",
    "npx powersync-writes letters retry 0197… --force",
  ],
};

export async function retry(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io, Infinity);
  if (given === undefined) return 0;
  const { values, positionals } = given;
  const which = chosen(positionals, values, "retry");
  const json = values.json === true;
  const force = values.force === true;
  const as = values.as === undefined ? undefined : principalIn("as", values.as);
  if ("ids" in which) {
    const loaded = await loadConfig(values, io);
    return retryThese(which.ids, { force, ...(as && { as }) }, loaded, json, io);
  }
  if (as !== undefined) throw new UsageProblem("--as needs the id of one letter.");
  const limit = values.limit === undefined ? Infinity : wholeNumber("limit", values.limit);
  const loaded = await loadConfig(values, io);
  const { writes, whose } = loaded;
  const { filter } = which;
  const waiting = await countWaiting(writes.deadLetters, filter, whose);
  const many = waiting === undefined ? "many letters" : counted(Math.min(waiting, limit), "letter");
  if (waiting === 0) {
    io.note("No waiting letter matches.");
    return 0;
  }
  if (io.interactive && values.yes !== true && !(await io.confirm(`Retry ${many}?`))) return 1;
  const total = { retried: 0, stale: 0, failed: 0, skipped: 0 };
  let cursor: string | undefined;
  let left = limit;
  do {
    const report: BulkRetryReport = await writes.deadLetters.retryAll(filter, {
      force,
      ...whose,
      limit: Math.min(lettersAtOnce, left),
      ...(cursor !== undefined && { cursor }),
    });
    for (const { id, result } of report.results) await tell(id, result, json, io);
    for (const name of ["retried", "stale", "failed", "skipped"] as const) {
      total[name] += report[name];
    }
    left -= report.results.length;
    cursor = report.next;
    const done = total.retried + total.stale + total.failed + total.skipped;
    io.progress(`${done} of ${many} …`);
  } while (cursor !== undefined && left > 0 && !io.signal.aborted);
  io.progress(undefined);
  const { retried, stale, failed, skipped } = total;
  io.note(`${retried} retried, ${stale} stale, ${failed} failed, ${skipped} skipped.`);
  return stale + failed + skipped === 0 ? 0 : 1;
}

/** The letters of one call. Few, so that an interrupt takes effect soon and progress is shown often. */
const lettersAtOnce = 20;

async function retryThese(
  ids: readonly string[],
  how: { readonly force: boolean; readonly as?: Principal },
  { writes, whose }: Loaded,
  json: boolean,
  io: Io,
): Promise<ExitCode> {
  if (how.as !== undefined && ids.length > 1) {
    throw new UsageProblem("--as needs the id of one letter.");
  }
  let code: ExitCode = 0;
  /** Letters that were applied together with an earlier one. */
  const applied = new Set<string>();
  for (const id of ids) {
    const result = applied.has(id)
      ? ({ status: "retried" } as const)
      : await writes.deadLetters.retry(id, { ...how, ...whose });
    const others = "dependants" in result ? result.dependants : undefined;
    for (const each of others?.retried ?? []) applied.add(each);
    await tell(id, result, json, io);
    if (result.status !== "retried" || others?.stoppedBy !== undefined) code = 1;
  }
  return code;
}

async function tell(
  id: string,
  result: RetryResult | { readonly status: "skipped" },
  json: boolean,
  { out, paint }: Io,
): Promise<void> {
  if (json) {
    await out(`${JSON.stringify({ id, ...result })}\n`);
    return;
  }
  const style = result.status === "retried" ? "green" : "yellow";
  await out(`${oneLine(id)}  ${paint(style, retryOutcome(result))}\n`);
}
