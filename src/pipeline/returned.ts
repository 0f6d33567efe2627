/**
 * Checks of what application code returns to the pipeline. The compiler refuses most of it already; code without types, and `as`, get past the compiler.
 * The value would otherwise be taken for the device's mistake and become a dead letter: an operation without a table, for example, has no rule.
 */
import { origin } from "../errors.js";

/** @throws TypeError if a hook has returned neither nothing nor an operation. @param hook its place in the configuration */
export function operationFrom(hook: string): (returned: unknown) => void {
  const remedy =
    "return nothing to leave the operation as it is, or a changed copy, as in { ...given, … }; to refuse it, throw fatal(code, message)";
  return (returned) => check(hook, returned, ["op", "table", "id"], remedy);
}

/** The same for a write, with the remedy for a function that makes one. `null` leaves the operation out. */
export function writeFrom(returned: unknown): void {
  if (returned === null) return;
  const remedy =
    "return { op, table, id, values }, as `next(entry)` does, or null to leave the operation out; to refuse it, throw fatal(code, message)";
  check("map, or a hook after it,", returned, ["op", "table", "id", "values"], remedy);
}

/** The same for what `validate` makes of a body. */
export function uploadFrom(returned: unknown): void {
  const remedy =
    "return what `next(body)` returns, changed or as it is; to refuse the request, throw badRequest(400, message)";
  check("validate, or a hook after it,", returned, ["shape", "transactions"], remedy);
}

/** @throws TypeError if a hook has returned neither nothing nor a dead letter */
export function letterFrom(hook: string): (returned: unknown) => void {
  const remedy = "return nothing, or a changed copy, as in { ...letter, … }";
  return (returned) => check(hook, returned, ["id", "errorCode"], remedy);
}

/** @throws TypeError if a hook has returned neither nothing nor a response, which the host could not send */
export function responseFrom(hook: string): (returned: unknown) => void {
  const remedy =
    "return nothing, or a changed copy with a text as its body, as in { ...response, body: JSON.stringify(…) }";
  return (returned) => {
    check(hook, returned, ["status", "headers", "body"], remedy);
    const { body } = returned as { readonly body: unknown };
    if (typeof body !== "string")
      throw new TypeError(`${hook} returned a response whose body is no text. Remedy: ${remedy}.`);
  };
}

/** @throws TypeError if a hook has returned neither nothing nor an outcome */
export function outcomeFrom(hook: string): (returned: unknown) => void {
  const remedy = "return nothing; what the hook sends through `tx` is awaited all the same";
  return (returned) => check(hook, returned, ["effect"], remedy);
}

/** @throws TypeError if the check of an application has returned `false`, which refuses nothing */
export function refuseFalse(check: string, returned: unknown): void {
  if (returned !== false) return;
  throw new TypeError(
    `${check} returned false, which does not refuse the write. Remedy: to refuse it, throw fatal(code, message); to allow it, return nothing.`,
  );
}

function check(by: string, returned: unknown, members: readonly string[], remedy: string): void {
  const what = misfit(returned, members);
  if (what !== undefined) throw new TypeError(`${by} returned ${what}. Remedy: ${remedy}.`);
}

/** What a value is instead, in words. `undefined`: it has the members. */
function misfit(value: unknown, members: readonly string[]): string | undefined {
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  // Not the value itself, which may be a device's.
  if (typeof value !== "object") return `a ${typeof value}`;
  if (origin(value) instanceof Error) return "an error instead of throwing it";
  if (Array.isArray(value)) return "a list";
  const absent = members.find(
    (name) => (value as Readonly<Record<string, unknown>>)[name] === undefined,
  );
  return absent === undefined ? undefined : `an object without "${absent}"`;
}
