/** The time at which a device has made a change, as it says: never later than now. */
import type { Principal } from "../../context.js";
import { fatal } from "../../errors.js";
import { InvalidValue } from "../../store/failures.js";
import { instantOf } from "../../store/timestamps.js";
import { type Asked, asStored, clientName } from "./base.js";

/**
 * As the column stores it; `undefined` where it has not been sent. A whole number is milliseconds since 1970. A column of texts gets one form alone, so that
 * two can be compared: `YYYY-MM-DDTHH:MM:SS.mmmZ`. Throws fatal INVALID_DATA for what is no point in time.
 */
export function stampSent<P extends Principal, DB>(
  column: string,
  stored: unknown,
  asked: Asked<P, DB>,
): unknown {
  if (stored === undefined || stored === null) return undefined;
  const found = asked.change.table.columns.get(column);
  const seen = found === undefined ? stored : asked.kept.store.view(found, stored);
  const now = Date.now();
  const number = milliseconds(seen);
  if (number !== undefined) return number > now ? asStored(column, now, asked) : stored;
  const ms = instantMs(seen);
  if (ms === undefined) {
    const name = clientName(column, asked.rule);
    throw fatal("INVALID_DATA", "The value is no point in time.", { column: name });
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
  { change: { table }, kept: { store } }: Asked<P, DB>,
): boolean {
  const found = table.columns.get(column);
  try {
    return found !== undefined && store.convert(found, "any text", false) === "any text";
  } catch (error) {
    if (error instanceof InvalidValue) return false;
    throw error;
  }
}
