/** The beginnings of statements that fail if a constraint is violated, whatever the table says about that: see `Traits.resolvesConflicts`. */
import { type KyselyPlugin, RawNode, UpdateQueryNode } from "kysely";
import type { SqlDatabase } from "../table.js";
import type { Target } from "./target.js";

type Table = Pick<Target, "table" | "traits">;

export function beginInsert(db: SqlDatabase, { table, traits }: Table) {
  const statement = db.insertInto(table);
  return traits?.resolvesConflicts ? statement.orAbort() : statement;
}

export function beginUpdate(db: SqlDatabase, { table, traits }: Table) {
  const statement = db.updateTable(table);
  return traits?.resolvesConflicts ? statement.withPlugin(orAbort) : statement;
}

/** Kysely has no `orAbort` for an UPDATE. */
const orAbort: KyselyPlugin = {
  transformQuery: ({ node }) =>
    UpdateQueryNode.is(node) && node.table !== undefined
      ? { ...node, table: RawNode.create(["or abort ", ""], [node.table]) }
      : node,
  transformResult: async ({ result }) => result,
};
