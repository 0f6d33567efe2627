/** What a device is told of a conflict, by its own names: what it had, what there is, what it sends. */
import type { Principal } from "../../context.js";
import type { OpData } from "../../model.js";
import type { StoredRow } from "../../store/store.js";
import { type Asked, clientName } from "./base.js";
import type { Merging } from "./merge.js";

interface ConflictDetails {
  readonly base: OpData;
  readonly theirs: OpData;
  readonly yours: OpData;
}

/** Columns that the caller may not read are left out: what is stored in them is nobody's to tell, whoever asks about them. */
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
        .map((column) => [clientName(column, rule), theirs[column]]),
    ),
    yours: opData,
  };
}

/** Those that the device names, as far as they may be shown. */
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
  // What a device says that it had, it may have made up: without a list, only what it writes is shown.
  if (listed === undefined) return [...new Set(own)];
  const may = new Set(version === undefined ? listed : [...listed, version]);
  return [...new Set([...own, ...base.keys()])].filter((column) => may.has(column));
}
