/**
 * Decides whether transactions may share a commit although constraints may be checked only then: whether a constraint holds for one transaction must not
 * depend on what another one does.
 */
import type { Principal } from "../context.js";
import type { CrudTransaction } from "../model.js";
import type { OpenUnit } from "../pipeline/operation.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Table } from "../store/tables.js";
import { isPlain } from "./attempt.js";
import type { Call } from "./call.js";

interface Sharing {
  /** No application code gets the database transaction, so nothing but the library writes in it. */
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

/** What decides whether a group of transactions may share a commit. */
export interface Group extends Sharing {
  /** The source tables of the operations, by their rules. If there are none, any one table: its `deferred` also tells about other tables' constraints. */
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
  // Mutations have no rule, and their mutators may write to any table.
  const [any] = rules.values();
  if (named.length === 0 && any !== undefined) named.push(any.table);
  const plain = members.every(({ transaction }) => isPlain(pipeline, transaction));
  return { plain, deferConstraints, tables: [...new Set(named)] };
}

/** Asked before anything begins, of the tables in the cache. `isSharing` asks of all tables, after they have been written to. */
export function mayShare<P extends Principal>(
  { tables, ...sharing }: Group,
  { store, requestBegan, caller }: Call<P>,
): boolean {
  const trust = { since: requestBegan };
  const known = tables.flatMap((name) => store.known?.(name, [], trust, caller) ?? []);
  return isIndependent(known, sharing);
}

/** Asked after all writes and before COMMIT. Reads at most one table from the database, if it is not in the cache. */
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
