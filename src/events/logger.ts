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
  /** Gets the lines for `info` if there is no `info`, as with Nest's `Logger`. */
  log?(line: string): void;
}

/** The default: warnings and errors, to the console. */
export const consoleLogger: Logger = {
  error: (line) => console.error(line),
  warn: (line) => console.warn(line),
};

/** The same problem is not written again within this time; its next line says how often it has occurred. */
const quietMs = 60_000;
/** How many problems are remembered. */
const mostKept = 1_000;

/** Writes the lines of the events that the logger has a level for. Never throws. */
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
    // Texts of a driver or a client may contain line breaks, and control characters that a terminal would obey.
    const line = text.replace(/[\s\p{Cc}]+/gu, " ");
    try {
      logger[method]?.(`powersync-writes: ${line} [${event.correlationId}]${repeated}`);
    } catch {
      // A logger's failure can't be reported anywhere.
    }
  };
  // Most events only have a line at the level `debug`: without that level, their lines are not made.
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
