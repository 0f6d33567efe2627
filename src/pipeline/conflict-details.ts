/** What a device is told of a conflict, by its own names: what it had, what there is, what it sends. */
import type { Principal } from "../context.js";
import type { OpData } from "../model.js";
import type { StoredRow } from "../store/store.js";
import { type Asked, clientName } from "./conflict-asked.js";
import type { Merging } from "./conflict-merge.js";

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

/** Those that the write names, as far as they may be shown. */
function shownColumns<P extends Principal, DB>(
  { base, change: { values } }: Merging,
  { rule, conflict: { readable, version } }: Asked<P, DB>,
): readonly string[] {
  const { clientColumns } = rule;
  const named = new Set([...Object.keys(values), ...(version === undefined ? [] : [version])]);
  const listed =
    readable ??
    (clientColumns && new Set(Array.from(clientColumns.values(), ({ column }) => column)));
  // What a device says that it had, it may have made up: without a list, only what it writes is shown.
  if (listed === undefined) return [...named];
  return [...new Set([...named, ...base.keys()])].filter(
    (column) => listed.has(column) || column === version,
  );
}
