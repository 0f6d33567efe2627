/** Lines for whoever operates the server, made of the events: what went wrong, and why. */
import { origin } from "./errors.js";
import type { Listener, WriteEvent } from "./events.js";

/** What the lines are given to: the console, pino, or Nest's `Logger` fit as they are. */
export interface Logger {
  error(line: string): void;
  warn(line: string): void;
  info?(line: string): void;
  debug?(line: string): void;
}

type Level = keyof Logger;

/** The default: warnings and errors, to the console. */
export const consoleLogger: Logger = {
  error: (line) => console.error(line),
  warn: (line) => console.warn(line),
};

/** The same line is not written again within this time; the next one says how often it would have been. */
const quietMs = 60_000;
/** Lines that are remembered. */
const mostKept = 1_000;

/** Writes the lines of the events that the logger has a level for. Never throws. */
export function createLog(logger: Logger): Listener {
  const written = new Map<string, { readonly until: number; held: number }>();
  const tell = (event: WriteEvent): void => {
    const [level, text] = logLine(event);
    if (logger[level] === undefined) return;
    const now = performance.now();
    const last = written.get(text);
    if (last !== undefined && now < last.until) {
      last.held += 1;
      return;
    }
    written.delete(text);
    written.set(text, { until: now + quietMs, held: 0 });
    const [oldest] = written.keys();
    if (written.size > mostKept && oldest !== undefined) written.delete(oldest);
    const repeated =
      last === undefined || last.held === 0 ? "" : ` (${last.held} more of the same since)`;
    try {
      logger[level]?.(`powersync-writes: ${text} [${event.correlationId}]${repeated}`);
    } catch {
      // There is nowhere to report the failure of the logger.
    }
  };
  // Most events have a line for a debugger alone: without one, none is made.
  return logger.debug === undefined ? { types: notForDebugging, tell } : { tell };
}

const notForDebugging: NonNullable<Listener["types"]> = new Set<WriteEvent["type"]>([
  "error",
  "dead_letter",
  "dead_letter_handled",
  "chain_full",
  "row_id_respelled",
  "schema_missing",
  "server_value",
  "precision_lost",
  "body_missing",
  "not_ready",
  "device_forgotten",
  "replayed_by_content",
  "unsafe_settings",
  "pruned",
]);

/** One line, whatever the texts hold. The correlation id is left out, so that the same problem has the same text. */
function logLine(event: WriteEvent): readonly [Level, string] {
  const [level, text] = said(event);
  // Control characters of a driver's or a client's text are nothing for a terminal.
  return [level, text.replace(/[\s\p{Cc}]+/gu, " ")];
}

function said(event: WriteEvent): readonly [Level, string] {
  switch (event.type) {
    case "error": {
      const level = { retryable: "error", ignored: "warn", fatal: "debug" } as const;
      const where = event.operationIndex === undefined ? "" : `, operation ${event.operationIndex}`;
      const text = `${event.outcome} failure during ${event.during}${where}: ${causes(event.error)}`;
      return [level[event.outcome], text];
    }
    case "dead_letter":
      return [
        "warn",
        `dead letter ${event.id}: ${event.errorCode}, user ${JSON.stringify(event.userId)}${event.repeat ? ", recorded before" : ""}`,
      ];
    case "chain_full":
      return [
        "warn",
        `the chain behind dead letter ${event.id} takes no more: a queue of user ${JSON.stringify(event.userId)} waits until the letter is retried or discarded`,
      ];
    case "schema_missing": {
      const what =
        event.column === undefined
          ? `table "${event.table}"`
          : `column "${event.column}" of table "${event.table}"`;
      return [
        "error",
        `the ${what} is declared, but missing in the database; writes wait on the device`,
      ];
    }
    case "server_value":
      return [
        "error",
        `what the server gives for ${event.table}.${event.column} does not fit the column; writes wait on the device. ${event.why}`,
      ];
    case "row_id_respelled":
      return [
        "warn",
        `the row id ${JSON.stringify(event.id)} of ${event.table} comes back in another spelling, for "${event.column}" is a UUID: the row has another id on the device then. Have the app make its ids in small letters`,
      ];
    case "precision_lost":
      return [
        "warn",
        `an integer for ${event.table}.${event.column} had been rounded. ${event.cure}`,
      ];
    case "body_missing":
      return ["error", `an upload came without its body; writes wait on the device. ${event.cure}`];
    case "not_ready":
      return ["error", `not ready: ${event.problems.join(" ")}`];
    case "unsafe_settings":
      return ["warn", event.problems.join(" ")];
    case "dead_letter_handled":
      return ["info", `dead letter ${event.id}: ${event.outcome}`];
    case "device_forgotten":
      return [
        "warn",
        `user ${JSON.stringify(event.userId)} has as many devices as may be (ledger.devices): what one has sent that had not come for long is forgotten`,
      ];
    case "replayed_by_content":
      return [
        "info",
        `a transaction of user ${JSON.stringify(event.userId)} was taken for a repeat by its content, and nothing was written`,
      ];
    case "pruned":
      return ["info", `pruned ${event.removed} rows`];
    case "row_missing":
      return ["debug", `${event.op} found no row ${JSON.stringify(event.id)} in ${event.table}`];
    case "row_declined":
      return [
        "debug",
        `the database did something else with ${event.op} of row ${JSON.stringify(event.id)} in ${event.table}`,
      ];
    case "entry_unmatched":
      return [
        "warn",
        `a mutation left the row ${JSON.stringify(event.id)} of ${event.table} as it was, and the ${event.op} beside it is not applied`,
      ];
    case "transaction":
      return ["debug", `transaction: ${event.status}, ${event.operations} operations`];
    case "request":
      return ["debug", `${event.method} ${event.path}: ${event.status}`];
  }
}

const mostCauses = 5;

/** An error's message, and those of its causes. */
function causes(error: unknown): string {
  const texts: string[] = [];
  for (let at = origin(error); at !== undefined && texts.length < mostCauses;) {
    texts.push(at instanceof Error ? `${at.name}: ${at.message}` : thrownText(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return texts.join("; caused by ");
}

function thrownText(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "something that has no text";
  }
}
