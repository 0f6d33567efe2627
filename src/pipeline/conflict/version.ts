/** The version that a write was made on, and who makes the next. */
import type { Principal } from "../../context.js";
import { fatal } from "../../errors.js";
import type { MergedVersion } from "../../store/merge.js";
import { sha256 } from "../../wire/serialize.js";
import type { Sender } from "../operation.js";
import { type Asked, clientName } from "./base.js";

/** Throws fatal INVALID_DATA for what is no version, FORBIDDEN_COLUMN where the device counts versions itself. */
export async function versionOf<P extends Principal, DB>(
  column: string,
  base: ReadonlyMap<string, unknown>,
  asked: Asked<P, DB>,
): Promise<MergedVersion> {
  const { context, kept } = asked;
  const { userId } = context.principal;
  const named = namedVersion(column, base, asked);
  const [writer, subject] = await Promise.all([
    writerOf(userId, kept.store.place, kept.sender),
    sha256(userId),
  ]);
  return {
    column,
    ...(named !== undefined && { base: named }),
    ...(writer !== undefined && { writer }),
    subject,
  };
}

/** `undefined`: it has not been sent. */
function namedVersion<P extends Principal, DB>(
  column: string,
  base: ReadonlyMap<string, unknown>,
  { change, rule, context }: Asked<P, DB>,
): MergedVersion["base"] {
  const name = clientName(column, rule);
  const { opData = {} } = context.operation;
  const sent: unknown = Object.hasOwn(opData, name) ? opData[name] : undefined;
  if (!base.has(column)) {
    const named = sent === undefined ? undefined : wholeNumber(sent, name);
    // Whoever makes a row may give it its first version: that proves no knowledge of one that is there.
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

/** The queue; where the client names none, the device. */
async function writerOf(
  userId: string,
  place: string,
  { clientId, device, queueId, writer }: Sender = {},
): Promise<string | undefined> {
  if (writer !== undefined) return sha256([userId, place, { writer }]);
  const client = clientId ?? (device === undefined ? undefined : { device });
  return client === undefined ? undefined : sha256([userId, place, client, queueId ?? null]);
}
