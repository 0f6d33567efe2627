/**
 * Memberships that a dead letter would create. A write that is refused for want of one knows no key of it, but whose it is and of what: by these, rows of
 * members are indexed beside their keys.
 */
import type { Principal } from "../context.js";
import type { Mapped } from "../pipeline/operation.js";
import { membershipsIn, type Rule, type Rules } from "../pipeline/rules.js";
import type { Values } from "../store/store.js";
import type { Table } from "../store/tables.js";
import { folded, foldedText, type Owner, pairs, rowHash } from "./row-hashes.js";
import { byColumns, convertedValues, told } from "./row-values.js";

interface LocatedRow<P extends Principal, DB> {
  readonly rule: Pick<Rule<P, DB>, "clientColumns" | "table">;
  readonly table: Table;
  readonly key: Values;
}

type MemberHashes<P extends Principal, DB> = (
  owner: Owner,
  its: LocatedRow<P, DB>,
  made: Pick<Mapped, "data" | "columns">,
) => Promise<readonly string[]>;

/**
 * What a row of members is looked for by, where it may make its sender a member: one that names nobody, as where the server sets whose it is, may. Of
 * somebody else's membership the sender needs nothing.
 */
export function createMemberHashes<P extends Principal, DB>(
  rules: Rules<P, DB>,
): MemberHashes<P, DB> {
  const wanted = Map.groupBy([...rules.values()].flatMap(membershipsIn), ({ table }) =>
    folded(table),
  );
  return async (owner, { rule, table, key }, made) => {
    const memberships = wanted.get(folded(rule.table));
    if (memberships === undefined) return [];
    const values = valuesOf(rule, made, key);
    const hashes = new Set<string>();
    for (const { row, user } of memberships) {
      const [of, whose] = [values.get(folded(row)), values.get(folded(user))];
      if (of === undefined || of === null) continue;
      if (whose !== undefined && foldedText(whose) !== foldedText(owner.principal.userId)) continue;
      const raw = byColumns(table, { [row]: of });
      const stored = convertedValues(owner.open, table, raw);
      const said = stored === undefined ? raw : told(owner.open, table, stored, raw);
      hashes.add(await rowHash(owner, rule.table, pairs(stored ?? raw, said)));
    }
    return [...hashes];
  };
}

/** By the source table's columns, folded. */
function valuesOf<P extends Principal, DB>(
  { clientColumns }: LocatedRow<P, DB>["rule"],
  { data, columns }: Pick<Mapped, "data" | "columns">,
  key: Values,
): ReadonlyMap<string, unknown> {
  const sent = Object.entries(data).map(([name, value]) => {
    const column = columns === "source's" ? undefined : clientColumns?.get(name)?.column;
    return [folded(column ?? name), value] as const;
  });
  return new Map([
    ...sent,
    ...Object.entries(key).map(([name, value]) => [folded(name), value] as const),
  ]);
}
