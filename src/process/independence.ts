/**
 * Whether transactions may share a commit, as far as constraints go that wait for it: such a constraint must not hold, or fail, in one of them by what
 * another one does.
 */
import type { Principal } from "../context.js";
import type { CrudTransaction } from "../model.js";
import type { OpenUnit } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Table } from "../store/tables.js";
import { isPlain } from "./attempt.js";
import type { Call } from "./call.js";

interface Sharing {
  /** No code of the application's gets the database transaction: nothing is written but what the library writes. */
  readonly plain: boolean;
  /** See `UnitOptions`. */
  readonly deferConstraints: boolean;
}

/** @param written the tables that are written to */
export function isIndependent(
  written: readonly Table[],
  { plain, deferConstraints }: Sharing,
): boolean {
  return written.every(({ deferred }) => {
    const place = (deferConstraints ? deferred?.asked : deferred?.declared) ?? "none";
    return place === "none" || (plain && place === "elsewhere");
  });
}

/** What transactions would share a commit by. */
export interface Group extends Sharing {
  /** The source tables that they are about, as far as the rules say; or any one, which tells where there are constraints that wait. */
  readonly tables: readonly string[];
}

export function groupOf<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  members: readonly { readonly transaction: CrudTransaction }[],
  deferConstraints: boolean,
): Group {
  const { rules } = pipeline;
  const named = members.flatMap(({ transaction }) =>
    transaction.crud.flatMap(({ table }) => rules.get(table)?.table ?? []),
  );
  // Mutators write what has no rule.
  const [any] = rules.values();
  if (named.length === 0 && any !== undefined) named.push(any.table);
  const plain = members.every(({ transaction }) => isPlain(pipeline, transaction));
  return { plain, deferConstraints, tables: [...new Set(named)] };
}

/** Before anything is begun, as far as the tables are known: others are looked at when they have been written to, by `isSharing`. */
export function mayShare<P extends Principal>(
  { tables, ...sharing }: Group,
  { store, requestBegan, caller }: Call<P>,
): boolean {
  const trust = { since: requestBegan };
  const known = tables.flatMap((name) => store.known?.(name, [], trust, caller) ?? []);
  return isIndependent(known, sharing);
}

/** Behind all writes, and before COMMIT. Asks the database at most for a table that nobody has read yet. */
export async function isSharing(
  { tables: [name], ...sharing }: Group,
  written: readonly Table[],
  { store, unit }: OpenUnit,
): Promise<boolean> {
  if (store.deferral !== true) return true;
  if (sharing.plain || written.length > 0) return isIndependent(written, sharing);
  const table = name === undefined ? undefined : await unit.table(name);
  return table !== undefined && isIndependent([table], sharing);
}
