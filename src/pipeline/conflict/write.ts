/** Writes to tables whose rule has a `conflict`. The statement merges them; what can't be merged is refused, recorded, or passed to the rule's `resolve`. */
import type { Principal } from "../../context.js";
import {
  type FatalError,
  fatal,
  isFatal,
  isRetryable,
  misconfigured,
  ofApplication,
} from "../../errors.js";
import type { Write, WriteOutcome } from "../../model.js";
import type { MergedChange } from "../../store/change.js";
import type { Change, Effect, StoredRow, Values } from "../../store/store.js";
import { storedValues } from "../convert.js";
import { errorForRefused } from "../refused-change.js";
import { rewritten } from "../scope.js";
import { type Asked, asStored, baseMissing } from "./base.js";
import { mergingOf, type Merging } from "./merge.js";
import { recordConflict, detailsOf } from "./record.js";
import type { Resolution } from "./rule.js";

/**
 * Throws fatal CONFLICT and CONFLICT_BASE_MISSING, what `resolve` and `judge` throw, and the database's own errors.
 *
 * @param judge handles the effects that have the same meaning for all tables
 */
export async function writeMerging<P extends Principal, DB>(
  asked: Asked<P, DB>,
  judge: (effect: Effect) => WriteOutcome,
): Promise<WriteOutcome> {
  const merging = await mergingOf(asked);
  const merged = await merge(merging.change, asked);
  const { effect, kept: keptColumns = [] } = merged;
  if (effect !== "conflict" && effect !== "outdated") {
    if (keptColumns.length > 0 && effect === "written")
      await record(merging, await stored(merging, asked), asked, keptColumns);
    return judge(effect);
  }
  const theirs = await stored(merging, asked);
  // The row has been deleted in the meantime.
  if (theirs === undefined) return judge("absent");
  if (effect === "outdated") return keepTheirs(merging, theirs, asked);
  if (merging.missing !== undefined) throw baseMissing(merging.missing);
  const { resolve, record: table } = asked.conflict;
  if (resolve !== undefined) return resolved(merging, theirs, asked, judge);
  if (table !== undefined) return keepTheirs(merging, theirs, asked);
  const message = "Others have changed the row in the meantime.";
  throw fatal("CONFLICT", message, detailsOf(merging, theirs, asked));
}

async function merge<P extends Principal, DB>(change: MergedChange, { state }: Asked<P, DB>) {
  try {
    // The merged columns may differ from those that were sent.
    return await state.unit.merge({ ...change, scope: rewritten(change.scope, change) });
  } catch (error) {
    throw errorForRefused(error, change, state);
  }
}

/** Reads and locks the row, without the columns that the connection's role may not read. */
async function stored<P extends Principal, DB>(
  { change: { table, key } }: Merging,
  { state: { unit } }: Asked<P, DB>,
): Promise<StoredRow | undefined> {
  return unit.read(table, key, [...table.columns.keys()]);
}

async function keepTheirs<P extends Principal, DB>(
  merging: Merging,
  theirs: StoredRow,
  asked: Asked<P, DB>,
): Promise<WriteOutcome> {
  await record(merging, theirs, asked);
  return { effect: "kept" };
}

async function record<P extends Principal, DB>(
  merging: Merging,
  theirs: StoredRow | undefined,
  asked: Asked<P, DB>,
  columns?: readonly string[],
): Promise<void> {
  const { record: table } = asked.conflict;
  if (table !== undefined && theirs !== undefined)
    await recordConflict(table, merging, theirs, asked, columns);
}

/** Runs the rule's `resolve`. The row is locked, so nobody changes it between the application's decision and the write. */
async function resolved<P extends Principal, DB>(
  merging: Merging,
  theirs: StoredRow,
  asked: Asked<P, DB>,
  judge: (effect: Effect) => WriteOutcome,
): Promise<WriteOutcome> {
  const { conflict, write, context, rule, change } = asked;
  const { op: operation } = change;
  const base = seenValues(Object.fromEntries(merging.base), asked);
  const yours = seenValues(change.values, asked);
  const given = await ofApplication(async () =>
    conflict.resolve?.({ base, theirs, yours, operation }, context),
  );
  const resolution = resolutionOf(given, write, rule.name);
  if (resolution === "theirs") return keepTheirs(merging, theirs, asked);
  const decided = resolution === "yours" ? asSent(asked) : await withValues(resolution, asked);
  const { version } = merging.change.merge;
  if (version === undefined) return judge(effectOf(await merge({ ...decided, merge: {} }, asked)));
  // The application's decision is written without another comparison, and counts as the next version.
  const { base: _, ...next } = version;
  const counted =
    decided.op === "DELETE" && Object.keys(decided.values).length === 0
      ? {}
      : { [version.column]: asStored(version.column, 1, asked) };
  const values = { ...decided.values, ...counted };
  return judge(effectOf(await merge({ ...decided, values, merge: { version: next } }, asked)));
}

/** The values in the form in which hooks see them. */
function seenValues<P extends Principal, DB>(
  values: Values,
  { change: { table }, state: { store } }: Asked<P, DB>,
): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const column = table.columns.get(name);
      return [name, column === undefined ? value : store.view(column, value)];
    }),
  );
}

/** The change that was sent. The row exists, so a PUT is reduced to what it changes in an existing row. */
function asSent<P extends Principal, DB>({ change, conflict }: Asked<P, DB>): Change {
  const { insertOnly = [], fixed = [], ...rest } = change;
  const left = insertOnly.filter((name) => !fixed.includes(name));
  const values = Object.fromEntries(
    Object.entries(change.values).filter(
      ([name]) => !left.includes(name) && name !== conflict.version,
    ),
  );
  return { ...rest, op: change.op === "PUT" ? "PATCH" : change.op, values, fixed };
}

async function withValues<P extends Principal, DB>(
  values: Values,
  { change, write, rule, context, state, convert }: Asked<P, DB>,
): Promise<Change> {
  const { insertOnly: _, fixed: __, ...rest } = change;
  const mapped = await convert.write(
    { ...write, op: "PATCH", values },
    rule,
    context,
    state,
    "throws",
  );
  state.final = mapped;
  return { ...rest, op: "PATCH", values: storedValues(mapped, rule.key.columns, state) };
}

function effectOf({ effect }: { readonly effect: Effect | "conflict" | "outdated" }): Effect {
  if (effect === "conflict" || effect === "outdated")
    throw new Error("A write that asks nothing of the row has been refused.");
  return effect;
}

function resolutionOf(
  given: unknown,
  { op }: Write,
  table: string,
): Exclude<Resolution, FatalError> {
  if (isFatal(given) || isRetryable(given)) throw given;
  if (given === "theirs" || given === "yours") return given;
  if (typeof given === "object" && given !== null && !Array.isArray(given)) {
    return given as Values;
  }
  const what = given === null ? "null" : typeof given;
  throw misconfigured(
    `tables.${table}: conflict.resolve gave ${what} for a ${op}. Return "theirs", "yours" or the values to write; or throw fatal(…).`,
  );
}
