/** What a device has sent about a row before its change: the row's values, its version, and the time of the change. */
import type { OperationContext, Principal } from "../../context.js";
import { fatal, misconfigured, ofApplication } from "../../errors.js";
import type { Write } from "../../model.js";
import type { Change } from "../../store/store.js";
import type { Convert } from "../convert.js";
import type { OperationState, Sender } from "../operation.js";
import type { Rule } from "../rules.js";
import type { Conflict } from "./compile.js";
import type { MergedVersion } from "../../store/change.js";
import { sha256 } from "../../wire/serialize.js";
import { InvalidValue } from "../../store/failures.js";
import { instantOf } from "../../store/timestamps.js";
import { answerName } from "../column-messages.js";

export interface Asked<P extends Principal, DB> {
  readonly change: Change;
  readonly write: Write;
  readonly rule: Rule<P, DB>;
  readonly conflict: Conflict<P, DB>;
  readonly context: OperationContext<P, DB>;
  readonly state: OperationState;
  readonly convert: Convert;
}

/** @param column the client's name; absent: no column has been sent */
export function baseMissing(column?: string): Error {
  const message = "The change does not say what it was made on.";
  return fatal("CONFLICT_BASE_MISSING", message, column === undefined ? undefined : { column });
}

/** A value as the column would store it, and rounded accordingly. Throws fatal INVALID_DATA, and retryable if the table lacks the column. */
export function asStored<P extends Principal, DB>(
  column: string,
  value: unknown,
  { convert, context, change: { table }, state: { store } }: Asked<P, DB>,
): unknown {
  if (!table.columns.has(column))
    throw misconfigured(`conflict names "${column}", and ${table.name} has no such column.`);
  return convert.values(store, table, { [column]: value }, context, "compared")[column];
}

/**
 * The row as the device had it before its change, by the source database's names. The key, and columns that neither the rule nor the table has, are omitted.
 * Throws fatal INVALID_DATA, and what the rule's `convert` throws.
 */
export async function baseOf<P extends Principal, DB>(
  asked: Asked<P, DB>,
): Promise<ReadonlyMap<string, unknown>> {
  const { change, rule, context, state, convert } = asked;
  const { clientColumns, key, conflict } = rule;
  const { store, unit } = state;
  const base = new Map<string, unknown>();
  for (const [name, value] of Object.entries(context.previousValues ?? {})) {
    const listed = clientColumns?.get(name);
    const column = listed?.column ?? name;
    const isKnown = clientColumns === undefined || listed || conflict?.version === name;
    if (!isKnown || key.columns.includes(column) || !change.table.columns.has(column)) continue;
    let given = value;
    if (listed?.convert) given = await ofApplication(() => listed.convert?.(value, context));
    if (listed?.references && given !== null && given !== undefined) {
      const { table: other, match, take } = listed.references;
      const table = await convert.table(unit, other, [match], context);
      const sought = convert.values(store, table, { [match]: given }, context, "sought");
      const found = await unit.lookUp(table, sought, take);
      // The row that it referred to is gone, so the stored value is unknown.
      if (found === undefined) continue;
      given = found.value;
    }
    base.set(column, asStored(column, given, asked));
  }
  return base;
}

/** The version on which a write is based. Throws fatal INVALID_DATA for an invalid version, and FORBIDDEN_COLUMN if the device counts versions itself. */
export async function versionOf<P extends Principal, DB>(
  column: string,
  base: ReadonlyMap<string, unknown>,
  asked: Asked<P, DB>,
): Promise<MergedVersion> {
  const { context, state } = asked;
  const { userId } = context.principal;
  const named = namedVersion(column, base, asked);
  const [writer, subject] = await Promise.all([
    writerOf(userId, state.store.place, state.sender),
    sha256(userId),
  ]);
  return {
    column,
    ...(named !== undefined && { base: named }),
    ...(writer !== undefined && { writer }),
    subject,
  };
}

/** The version that the device names. `undefined`: none was sent. */
function namedVersion<P extends Principal, DB>(
  column: string,
  base: ReadonlyMap<string, unknown>,
  { change, rule, context }: Asked<P, DB>,
): MergedVersion["base"] {
  const name = answerName(column, rule);
  const { opData = {} } = context.operation;
  const sent: unknown = Object.hasOwn(opData, name) ? opData[name] : undefined;
  if (!base.has(column)) {
    const named = sent === undefined ? undefined : wholeNumber(sent, name);
    // A device that creates a row may send its first version. This does not mean that it knows an existing row.
    return change.op === "PUT" && (named ?? 0n) <= 1n ? "new" : named;
  }
  const was = wholeNumber(base.get(column) ?? null, name);
  if (sent === undefined || wholeNumber(sent, name) === was) return was;
  const message =
    "The server counts the row's versions. A device that counts them, too, would take others' versions for its own.";
  throw fatal("FORBIDDEN_COLUMN", message, { column: name });
}

function wholeNumber(value: unknown, column: string): bigint | null {
  if (value === null) return null;
  const digits = String(value).replace(/\.0+$/, "");
  if (/^[+-]?\d{1,18}$/.test(digits)) return BigInt(digits.replace("+", ""));
  throw fatal("INVALID_DATA", "The row's version is not a whole number.", { column });
}

/** The hash of who writes: the device and, if the client names one, the queue. */
async function writerOf(
  userId: string,
  place: string,
  { clientId, device, queueId, writer }: Sender = {},
): Promise<string | undefined> {
  if (writer !== undefined) return sha256([userId, place, { writer }]);
  const client = clientId ?? (device === undefined ? undefined : { device });
  return client === undefined ? undefined : sha256([userId, place, client, queueId ?? null]);
}

/**
 * The time of the change as the device sent it, but never later than now, as the column stores it. `undefined`: it was not sent. A number is milliseconds since
 * 1970. In a text column, all stamps get the form `YYYY-MM-DDTHH:MM:SS.mmmZ`, so that they can be compared. Throws fatal INVALID_DATA for an invalid time.
 */
export function stampSent<P extends Principal, DB>(
  column: string,
  stored: unknown,
  asked: Asked<P, DB>,
): unknown {
  if (stored === undefined || stored === null) return undefined;
  const found = asked.change.table.columns.get(column);
  const seen = found === undefined ? stored : asked.state.store.view(found, stored);
  const now = Date.now();
  const number = milliseconds(seen);
  if (number !== undefined) return number > now ? asStored(column, now, asked) : stored;
  const ms = instantMs(seen);
  if (ms === undefined) {
    const name = answerName(column, asked.rule);
    throw fatal("INVALID_DATA", "The value is not a point in time.", { column: name });
  }
  if (ms > now) return asStored(column, new Date(now).toISOString(), asked);
  return takesAnyText(column, asked) ? asStored(column, new Date(ms).toISOString(), asked) : stored;
}

function milliseconds(seen: unknown): number | undefined {
  if (typeof seen === "number" || typeof seen === "bigint") return Number(seen);
  return typeof seen === "string" && /^[+-]?\d+(?:\.\d+)?$/.test(seen) ? Number(seen) : undefined;
}

function instantMs(seen: unknown): number | undefined {
  try {
    const { seconds, fraction } = instantOf(seen);
    return seconds * 1_000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}

function takesAnyText<P extends Principal, DB>(
  column: string,
  { change: { table }, state: { store } }: Asked<P, DB>,
): boolean {
  const found = table.columns.get(column);
  try {
    if (found === undefined) return false;
    const converted = store.convert(found, "any text", false);
    // An expression that stands for the text, which a database with padded columns needs.
    const seen = typeof converted === "object" ? store.view(found, converted) : converted;
    return seen === "any text";
  } catch (error) {
    if (error instanceof InvalidValue) return false;
    throw error;
  }
}
