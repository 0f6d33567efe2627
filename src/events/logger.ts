/** Writes events as lines for operators: what went wrong, why, and what to do. */
import type { Listener } from "./emit.js";
import type { WriteEvent } from "./events.js";
import { type Line, lineOf } from "./log-lines.js";

/** Where lines are written. The console, pino and Nest's `Logger` can be used as they are. */
export interface Logger {
  error(line: string): void;
  warn(line: string): void;
  info?(line: string): void;
  debug?(line: string): void;
  /** Called for level `info` if there is no function `info`, as in Nest's `Logger`. */
  log?(line: string): void;
}

/** The default: warnings and errors, to the console. */
export const consoleLogger: Logger = {
  error: (line) => console.error(line),
  warn: (line) => console.warn(line),
};

/** How long the same problem is not written again. Its next line says how often it has occurred since. */
const quietMs = 60_000;
/** How many problems are remembered. */
const mostKept = 1_000;

/** Writes the line of each event for whose level the logger has a function. Never throws. */
export function createLog(logger: Logger): Listener {
  const written = new Map<string, { readonly until: number; held: number }>();
  const methods = { error: "error", warn: "warn", info: "log", debug: "debug" } as const;
  const methodFor = (level: Line["level"]): keyof Logger | undefined =>
    [level, methods[level]].find((name) => typeof logger[name] === "function");
  const tell = (event: WriteEvent): void => {
    const { level, text, problem = text } = lineOf(event);
    const method = methodFor(level);
    if (method === undefined) return;
    const key = `${level} ${problem}`;
    const now = performance.now();
    const last = written.get(key);
    if (last !== undefined && now < last.until) {
      last.held += 1;
      return;
    }
    written.delete(key);
    written.set(key, { until: now + quietMs, held: 0 });
    const [oldest] = written.keys();
    if (written.size > mostKept && oldest !== undefined) written.delete(oldest);
    const repeated =
      last === undefined || last.held === 0 ? "" : ` (${last.held} more of the same since)`;
    // Text from a driver or a client may contain line breaks, and control characters that a terminal would obey.
    const line = text.replace(/[\s\p{Cc}]+/gu, " ");
    try {
      logger[method]?.(`powersync-writes: ${line} [${event.correlationId}]${repeated}`);
    } catch {
      // A logger's failure can't be reported anywhere.
    }
  };
  // Most events have a line only at the level `debug`. Without that level, their lines are not built.
  return logger.debug === undefined ? { types: notForDebugging, tell } : { tell };
}

const notForDebugging: NonNullable<Listener["types"]> = new Set<WriteEvent["type"]>([
  "error",
  "dead_letter",
  "dead_letter_handled",
  "chain_full",
  "row_id_respelled",
  "row_id_unfit",
  "entry_unmatched",
  "schema_missing",
  "mismatch",
  "server_value",
  "precision_lost",
  "body_missing",
  "body_parsed",
  "origin_refused",
  "not_ready",
  "device_forgotten",
  "replayed_by_content",
  "unsafe_settings",
  "pruned",
]);
