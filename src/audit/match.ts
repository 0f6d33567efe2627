/** Compares an answer with the expected one, and describes the difference. */
import type { Expected, Outcome, Status } from "./case.js";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `undefined` if the text is not JSON. */
  readonly body: unknown;
}

/** @returns the difference from the most similar expectation, or nothing if the answer fits one */
export function fault(
  answer: Answer,
  expected: Expected | readonly Expected[],
): string | undefined {
  const all = "status" in expected ? [expected] : expected;
  const faults = all.map((each) => faultOf(answer, each));
  if (faults.includes(undefined)) return undefined;
  // Of several expectations, the one with the status that the server has sent.
  const index = all.findIndex(({ status }) => [status].flat().includes(answer.status));
  if (index >= 0) return faults[index];
  return `The answer's status is ${answer.status}, not ${wordsOf(all.flatMap(({ status }) => status))}.`;
}

function faultOf(answer: Answer, expected: Expected): string | undefined {
  const { status, body, text } = { ...answer };
  if (![expected.status].flat().includes(status))
    return `The answer's status is ${status}, not ${wordsOf([expected.status].flat())}.`;
  for (const [name, pattern] of Object.entries(expected.headers ?? {})) {
    const value = answer.headers.get(name);
    if (value === null || !new RegExp(pattern, "i").test(value))
      return `The answer's header ${name} is ${value === null ? "missing" : JSON.stringify(value)}, but must match /${pattern}/.`;
  }
  if (expected.message === true && typeof member(body, "message") !== "string")
    return 'The answer\'s body is not a JSON object with a text named "message".';
  for (const [name, value] of Object.entries(expected.body ?? {})) {
    const given = member(body, name);
    if (JSON.stringify(given) !== JSON.stringify(value))
      return `"${name}" is ${JSON.stringify(given)}, not ${JSON.stringify(value)}.`;
  }
  for (const [path, type] of Object.entries(expected.types ?? {})) {
    const value = path.split(".").reduce(member, body);
    if (typeof value !== type || value === null || value === "")
      return `"${path}" is ${JSON.stringify(value)}, but must be of type ${type}.`;
  }
  if (expected.discreet === true) {
    const leak = leakIn(text);
    if (leak !== undefined)
      return `The answer contains internal text that clients must not see: "${leak}".`;
  }
  if (expected.result !== undefined) return outcomeFault("The result", body, expected.result);
  return expected.results === undefined ? undefined : resultsFault(body, expected.results);
}

function resultsFault(body: unknown, expected: readonly Outcome[]): string | undefined {
  const results = member(body, "results");
  if (!Array.isArray(results))
    return 'The answer\'s body is not a JSON object with a list named "results".';
  if (results.length !== expected.length)
    return `There are ${results.length} results for ${expected.length} transactions.`;
  for (const [index, outcome] of expected.entries()) {
    const wrong = outcomeFault(`results[${index}]`, results[index], outcome);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function outcomeFault(
  where: string,
  result: unknown,
  { is, at, code, named = false }: Outcome,
): string | undefined {
  const status = member(result, "status");
  const wanted: readonly Status[] = [is].flat();
  if (!wanted.some((each) => each === status))
    return `${where} is ${JSON.stringify(status)}, not ${wordsOf(wanted)}${because(result)}.`;
  const failed = member(result, "failed_operation");
  const index = member(failed, "operation_index");
  if (at !== undefined && (index ?? undefined) === undefined && named)
    return `${where} does not name the failed operation, which is ${at}.`;
  if (at !== undefined && (index ?? at) !== at)
    return `${where} names operation ${JSON.stringify(index)}, but operation ${at} failed.`;
  const given = member(failed, "error_code");
  if (code !== undefined && given !== code)
    return `${where} has the code ${JSON.stringify(given)}, not ${code}.`;
  return undefined;
}

/** The server's own explanation of an unexpected failure, as a first hint at its cause. */
function because(result: unknown): string {
  const code = member(member(result, "failed_operation"), "error_code");
  const message = member(result, "message");
  const said = [code, message].filter((each) => typeof each === "string");
  return said.length === 0 ? "" : ` (${said.join(": ")})`;
}

export function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function wordsOf(values: readonly (string | number)[]): string {
  return [...new Set(values)].join(" or ");
}

/** Text of databases, drivers and programs. None of it occurs in the contract. */
const leaks: readonly RegExp[] = [
  /duplicate key value|violates (?:unique|check|foreign key|not-null|exclusion) constraint|constraint failed|duplicate entry|Key \(/i,
  /SQLSTATE|\bER_[A-Z]|SQLITE_[A-Z]|\bORA-\d|\bsqlite3\b|\bpsycopg|\bpymysql\b|\basyncpg\b|java\.sql|org\.postgresql|PDOException/,
  /Traceback \(most recent call|node_modules|\n {1,8}at |\.(?:js|ts|mjs|py|java|go|rb|php|cs):\d/,
  /\bINSERT INTO\b|\bDELETE FROM\b|syntax error at or near|no such (?:table|column)|relation "/i,
];

function leakIn(text: string): string | undefined {
  for (const pattern of leaks) {
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) return found.trim().slice(0, 80);
  }
  return statementIn(text);
}

/** Finds a SELECT or an UPDATE, by a second keyword that follows within a few words. */
function statementIn(text: string): string | undefined {
  const words = text.split(/\s/);
  const begun = words.findIndex((word, index) => {
    const behind = words.slice(index + 1, index + 40).map((each) => each.toUpperCase());
    if (/\bSELECT$/i.test(word)) return behind.includes("FROM");
    return /\bUPDATE$/i.test(word) && behind[1] === "SET";
  });
  return begun === -1
    ? undefined
    : words
        .slice(begun, begun + 8)
        .join(" ")
        .slice(0, 80);
}
