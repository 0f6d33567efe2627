/** The log line of each event: what is wrong, and what to do. */
import { isBadRequest, isForbidden, isUnauthenticated, origin } from "../errors.js";
import type { ErrorEvent, WriteEvent } from "./events.js";

export interface Line {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly text: string;
  /** Events with the same `problem` are logged once a minute. Default: the text. */
  readonly problem?: string;
}

type Of<Type extends WriteEvent["type"]> = Extract<WriteEvent, { readonly type: Type }>;

export function lineOf(event: WriteEvent): Line {
  switch (event.type) {
    case "error":
      return errorLine(event);
    case "dead_letter":
      return letterLine(event);
    case "chain_full":
      return {
        level: "warn",
        text: `the chain behind dead letter ${event.id} is full: a queue of user ${JSON.stringify(event.userId)} waits until the letter is retried or discarded`,
      };
    case "schema_missing": {
      const what =
        event.column === undefined
          ? `table "${event.table}"`
          : `column "${event.column}" of table "${event.table}"`;
      return {
        level: "error",
        text: `the ${what} is declared, but missing in the database; writes wait on the device. Remedy: create it, or correct its name in the rule; if it exists, give the login role access to it`,
      };
    }
    case "mismatch":
      return { level: "warn", text: event.message };
    case "server_value":
      return {
        level: "error",
        text: `the value that the server sets for ${event.table}.${event.column} does not fit the column; writes wait on the device. ${event.why} Remedy: change the column's type, or the value from the rule's owner, set, setOnInsert or isMember`,
      };
    case "row_id_respelled":
      return {
        level: "warn",
        text: `the row id ${JSON.stringify(event.id)} of ${event.table} comes back in another spelling, because "${event.column}" is a UUID column: the row then has another id on the device. Make the app create its ids in lower case`,
        problem: `${event.type} ${event.table}`,
      };
    case "row_id_unfit":
      return { level: "error", text: event.message };
    case "precision_lost":
      return {
        level: "warn",
        text: `an integer for ${event.table}.${event.column} was rounded before it reached the library. ${event.cure}`,
      };
    case "body_missing":
      return {
        level: "error",
        text: `an upload came without its body; writes wait on the device. ${event.cure}`,
      };
    case "body_parsed":
      return parsedLine(event);
    case "origin_refused":
      return { level: "warn", text: originText(event), problem: event.type };
    case "not_ready":
      return { level: "error", text: `not ready: ${event.problems.join(" ")}` };
    case "unsafe_settings":
      return { level: "warn", text: event.problems.join(" ") };
    case "dead_letter_handled":
      return { level: "info", text: `dead letter ${event.id}: ${event.outcome}` };
    case "device_forgotten":
      return {
        level: "warn",
        text: `user ${JSON.stringify(event.userId)} has the maximum number of devices (ledger.devices): the answers to a device that has not been seen for a long time were forgotten`,
      };
    case "replayed_by_content":
      return {
        level: "info",
        text: `a transaction of user ${JSON.stringify(event.userId)} was recognized as a repeat by its content, and nothing was written`,
      };
    case "pruned":
      return { level: "info", text: `pruned ${event.removed} rows` };
    case "row_missing":
      return {
        level: "debug",
        text: `${event.op} found no row ${JSON.stringify(event.id)} in ${event.table}`,
      };
    case "row_declined":
      return {
        level: "debug",
        text: `a trigger or rule of the database did something else with the ${event.op} of row ${JSON.stringify(event.id)} in ${event.table}`,
      };
    case "row_kept":
      return {
        level: "debug",
        text: `the rule's conflict kept row ${JSON.stringify(event.id)} in ${event.table} as others left it: ${event.op} wrote nothing`,
      };
    case "entry_unmatched":
      return {
        level: "warn",
        text: `a mutation did not change row ${JSON.stringify(event.id)} of ${event.table}, so the ${event.op} of that row in the same transaction was not applied`,
        problem: `${event.type} ${event.table} ${event.op}`,
      };
    case "transaction":
      return {
        level: "debug",
        text: `transaction: ${event.status}, ${event.operations} operations`,
      };
    case "request":
      return { level: "debug", text: `${event.method} ${event.path}: ${event.status}` };
  }
}

const levels = { retryable: "error", ignored: "warn", fatal: "debug" } as const;

function errorLine({ during, error, outcome, operationIndex, remedy }: ErrorEvent): Line {
  const said = causes(error);
  const end = remedy === undefined ? "" : `${/[.!?]$/.test(said) ? "" : "."} Remedy: ${remedy}`;
  const problem = `error ${during} ${outcome} ${withoutInstances(said)}`;
  if (during === "authenticate" && (isUnauthenticated(error) || isForbidden(error))) {
    const status = isForbidden(error) ? 403 : 401;
    // Quoted values come from the caller's token. The same message with other values is the same problem.
    const kind = problem.replaceAll(/\\./g, "").replaceAll(/"[^"]*"/g, '""');
    const text = `a request was refused with ${status}: ${said}${end}`;
    return { level: "warn", text, problem: kind };
  }
  if (isBadRequest(error)) {
    const text = `a request was refused with ${error.status}: ${said}${end}`;
    return { level: "warn", text, problem };
  }
  const where = operationIndex === undefined ? "" : `, operation ${operationIndex}`;
  const text = `${outcome} failure during ${during}${where}: ${said}${end}`;
  return { level: levels[outcome], text, problem };
}

/** Removes ids and numbers, because the same message about another row is the same problem. */
function withoutInstances(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, "#")
    .replaceAll(/(?<![\w.])-?\d+(?:\.\d+)?(?![\w])/g, "#");
}

const byCode: Readonly<Record<string, string>> = {
  UNKNOWN_TABLE: 'add a rule for the table to "tables", then retry the letter',
  FORBIDDEN_COLUMN:
    'list the column in the rule\'s "columns" (with the database\'s name, if that differs), or set { readOnly: "ignore" } there, or set unknownColumns: "ignore", then retry the letter; if the app has misspelled it, correct the app and edit the letter',
  UNAUTHORIZED: "check who may write the row, according to the rule's owner, scope or belongsTo",
  INVALID_DATA: "make the app's value and the column's type agree",
  NOT_NULL_VIOLATION:
    "PowerSync's clients leave NULLs out of a PUT: give the column a default, let the rule set it (setOnInsert), or allow NULL, then retry the letter; if the client does send it, list it in the rule's \"columns\"",
  INVALID_TRANSACTION:
    "make the client send transactions as docs/wire.md describes, or use PowerSyncWriteConnector; then edit the letter, or discard it",
};
const otherRemedy = "fix the cause and retry the letter, or discard it";

function letterLine({ id, userId, errorCode, message, about, repeat }: Of<"dead_letter">): Line {
  const again = repeat ? ", recorded before" : "";
  const columns = about?.columns.join(", ") ?? "";
  const place = about === undefined ? "" : `${about.table}${columns && `.${columns}`}`;
  const constraint = about?.constraint === undefined ? "" : `, constraint ${about.constraint}`;
  const refused = place === "" ? "" : ` (${place}${constraint})`;
  const remedy = Object.hasOwn(byCode, errorCode) ? byCode[errorCode] : otherRemedy;
  return {
    level: "warn",
    text: `dead letter ${id}: ${errorCode}, user ${JSON.stringify(userId)}${again}. ${message}${refused} Remedy: ${remedy}`,
    problem: `dead letter ${errorCode} ${withoutInstances(message)} ${refused} ${again}`,
  };
}

function parsedLine({ kept, cure }: Of<"body_parsed">): Line {
  return kept === "value"
    ? {
        level: "warn",
        text: `a body parser parses uploads before their caller is authenticated: it rounds integers beyond 2^53, refuses bodies above its own size limit, and its memory is not counted against limits.bodyBytes and limits.memoryBytes. ${cure}`,
      }
    : {
        level: "info",
        text: `middleware reads uploads before their caller is authenticated, up to its own size limit. ${cure}`,
      };
}

function originText({ origin: page, configured }: Of<"origin_refused">): string {
  if (!configured)
    return `a web page from another origin asked whether it may send requests (OPTIONS), and "cors" is not set: the browser blocks its uploads, unless something else answers. Remedy: set cors: { origins: ["https://app.example.com"] }`;
  return `pages from ${JSON.stringify(page)} may not send requests, because cors.origins does not contain that origin. Remedy: add it to cors.origins, as scheme, host and port`;
}

const mostCauses = 5;

/** An error's message, and those of its causes. */
function causes(error: unknown): string {
  const texts: string[] = [];
  for (let at = origin(error); at !== undefined && texts.length < mostCauses;) {
    texts.push(at instanceof Error ? `${at.name}: ${messageOf(at)}` : thrownText(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return texts.join("; caused by ");
}

/** If several addresses were tried, Node's error has no message of its own. */
export function messageOf(error: Error): string {
  if (error.message !== "") return error.message;
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors
      .map((each) => (each instanceof Error ? each.message : thrownText(each)))
      .join(", ");
  return "code" in error ? String(error.code) : "";
}

function thrownText(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "a value that can't be converted to text";
  }
}
