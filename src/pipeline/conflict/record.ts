/** Reports a conflict: as details for the device, and as a row in one of the application's own tables, in the same transaction. */
import type { Principal } from "../../context.js";
import { misconfigured } from "../../errors.js";
import type { StoredRow, Values } from "../../store/store.js";
import { InvalidValue } from "../../store/failures.js";
import { stringifyJson } from "../../wire/serialize.js";
import type { Asked } from "./base.js";
import { answerName } from "../column-messages.js";
import type { Merging } from "./merge.js";
import type { OpData } from "../../model.js";

/**
 * Records the write that lost. Throws retryable if that fails: the write is then stored nowhere else, so it has to stay on the device.
 *
 * @param columns the columns that have lost; absent: all of them
 */
export async function recordConflict<P extends Principal, DB>(
  name: string,
  merging: Merging,
  theirs: StoredRow,
  asked: Asked<P, DB>,
  columns: readonly string[] | undefined,
): Promise<void> {
  const { context, state, convert } = asked;
  const { unit, store } = state;
  const table = await convert.table(unit, name, ["id"], context);
  const usual = usualRow(merging, theirs, asked, columns);
  const known = Object.entries(usual).filter(([column]) => table.columns.has(column));
  let stored: Values;
  try {
    stored = Object.fromEntries(
      known.map(([column, value]) => {
        const found = table.columns.get(column);
        return [column, found && store.convert(found, value, false)];
      }),
    );
  } catch (error) {
    if (error instanceof InvalidValue) throw unfit(name, error);
    throw error;
  }
  const { id, ...values } = stored;
  const { operationIndex } = context;
  const { failure } = await unit.write([
    { op: "PUT", table, key: { id }, values, scope: undefined, operationIndex },
  ]);
  if (failure === undefined) return;
  const { cause } = failure;
  const meaning = store.meaning(cause);
  const passes = ["contention", "busy", "outage", "exhausted"].includes(meaning);
  throw passes ? cause : unfit(name, cause);
}

function usualRow<P extends Principal, DB>(
  merging: Merging,
  theirs: StoredRow,
  asked: Asked<P, DB>,
  columns: readonly string[] | undefined,
): Readonly<Record<string, unknown>> {
  const { context, write, change } = asked;
  const details = detailsOf(merging, theirs, asked);
  const lost = (name: string) => columns === undefined || columns.includes(name);
  const { rule } = asked;
  const yours = Object.fromEntries(
    Object.entries(details.yours).filter(([name]) =>
      lost(rule.clientColumns?.get(name)?.column ?? name),
    ),
  );
  return {
    id: crypto.randomUUID(),
    table_name: write.table,
    row_id: write.id,
    user_id: context.principal.userId,
    client_id: context.clientId ?? null,
    operation: change.op,
    base: stringifyJson(details.base),
    theirs: stringifyJson(details.theirs),
    yours: stringifyJson(yours),
    created_at: new Date().toISOString(),
  };
}

function unfit(table: string, cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  return misconfigured(`conflict.record: a conflict can't be written into "${table}": ${said}`);
}

interface ConflictDetails {
  readonly base: OpData;
  readonly theirs: OpData;
  readonly yours: OpData;
}

/** What the device had, what is stored, and what it sends, by the client's names. Columns that the caller may not read are omitted. */
export function detailsOf<P extends Principal, DB>(
  merging: Merging,
  theirs: StoredRow,
  asked: Asked<P, DB>,
): ConflictDetails {
  const { rule, context } = asked;
  const { opData = {} } = context.operation;
  const names = shownColumns(merging, asked);
  return {
    base: context.previousValues ?? {},
    theirs: Object.fromEntries(
      names
        .filter((column) => Object.hasOwn(theirs, column))
        .map((column) => [answerName(column, rule), theirs[column]]),
    ),
    yours: opData,
  };
}

/** The columns that the device names and may read. */
function shownColumns<P extends Principal, DB>(
  { base }: Merging,
  { rule, context, change: { table }, conflict: { readable, version } }: Asked<P, DB>,
): readonly string[] {
  const { clientColumns } = rule;
  const sent = Object.keys(context.operation.opData ?? {})
    .map((name) => clientColumns?.get(name)?.column ?? name)
    .filter((column) => table.columns.has(column));
  const own = version === undefined ? sent : [...sent, version];
  const listed =
    readable ?? (clientColumns && Array.from(clientColumns.values(), ({ column }) => column));
  // A device may claim to have had any column. Without a list of readable columns, only those that it writes are shown.
  if (listed === undefined) return [...new Set(own)];
  const may = new Set(version === undefined ? listed : [...listed, version]);
  return [...new Set([...own, ...base.keys()])].filter((column) => may.has(column));
}
