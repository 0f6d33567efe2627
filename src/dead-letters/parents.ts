/** Finds the rows that an operation's row refers to or belongs to, or that make its sender a member. A waiting letter may create one that is missing. */
import type { OperationContext, Principal } from "../context.js";
import { keyOf } from "../pipeline/key.js";
import { stateOf } from "../pipeline/operation.js";
import { membershipsIn, type Rule, type Rules } from "../pipeline/rules.js";
import type { Values } from "../store/store.js";
import type { ForeignKey } from "../store/tables.js";
import type { Created, SoughtRow } from "./created-rows.js";
import { folded, type Owner } from "./row-hashes.js";

/** Values by the folded names of their columns. */
type KnownValues = Map<string, unknown>;

/** A cache of foreign keys, by source table. */
export type ForeignKeys = Map<string, readonly ForeignKey[]>;

/** Where to look for what an operation's row refers to. */
interface Said {
  /** In the values that were sent. */
  readonly sent: boolean;
  /** In the stored row, for columns that were not sent. */
  readonly stored: boolean;
}

type ParentsOf<P extends Principal, DB> = (
  owner: Owner,
  context: OperationContext<P, DB>,
  asked: ForeignKeys,
  said: Said,
) => Promise<readonly SoughtRow[]>;

export function createParentsOf<P extends Principal, DB>(
  rules: Rules<P, DB>,
  created: Created,
): ParentsOf<P, DB> {
  /** The rows to which the table's foreign keys refer, by the sent values only: stored values refer to rows that exist. */
  const referred = async (
    owner: Owner,
    { table: name }: Rule<P, DB>,
    known: KnownValues,
    asked: ForeignKeys,
  ): Promise<readonly SoughtRow[]> => {
    const { unit } = owner.open;
    const table = await unit.table(name);
    const keys = asked.get(name) ?? (table === undefined ? [] : await unit.foreignKeys(table));
    asked.set(name, keys);
    const sought: SoughtRow[] = [];
    for (const { columns, table: parent, by } of keys) {
      const match = columns.map((column, at) => [by[at] ?? "", known.get(folded(column))] as const);
      if (match.some(([, value]) => isAbsent(value))) continue;
      sought.push(await created.source(owner, parent, Object.fromEntries(match)));
    }
    return sought;
  };

  /** The caller's membership, by `isMember`. Its key is not known, only its user and its row. */
  const membership = async (
    owner: Owner,
    rule: Rule<P, DB>,
    its: SoughtRow | undefined,
    known: KnownValues,
  ): Promise<readonly SoughtRow[]> => {
    const { userId } = owner.principal;
    const sought: SoughtRow[] = [];
    for (const { table, row, user, by } of membershipsIn(rule)) {
      const sent = known.get(folded(by));
      const value = sent === undefined ? await storedValue(owner, its, by) : sent;
      if (isAbsent(value)) continue;
      const { hashes } = await created.source(owner, table, { [row]: value });
      const { at } = await created.source(owner, table, { [row]: value, [user]: userId });
      sought.push({ hashes, ...(at && { at }) });
    }
    return sought;
  };

  /** The parents by `belongsTo`, up to the root, and at each of them the membership: a parent that exists may belong to one that is missing. */
  const owning = async (
    owner: Owner,
    rule: Rule<P, DB>,
    its: SoughtRow | undefined,
    known: KnownValues,
    below: ReadonlySet<Rule<P, DB>>,
  ): Promise<readonly SoughtRow[]> => {
    const sought = [...(await membership(owner, rule, its, known))];
    for (const { column, by, rule: parent } of rule.parents) {
      const sent = known.get(folded(column));
      const value = sent === undefined ? await storedValue(owner, its, column) : sent;
      if (isAbsent(value)) continue;
      const above = await created.source(owner, parent.table, { [by]: value });
      sought.push(above);
      if (below.has(parent)) continue;
      const further = new Set([...below, parent]);
      sought.push(...(await owning(owner, parent, above, new Map(), further)));
    }
    return sought;
  };

  return async (owner, context, asked, said) => {
    const { converted, final, row } = stateOf(context);
    const { table, id } = final ?? row;
    const rule = rules.get(table);
    if (rule === undefined) return [];
    const known: KnownValues = new Map();
    for (const [name, value] of Object.entries(safeKey(rule, id, context.principal)))
      known.set(folded(name), value);
    const sent = said.sent && context.operation.op !== "DELETE";
    if (sent) {
      for (const [name, { stored }] of converted) known.set(folded(name), stored);
    }
    const its =
      said.stored && (rule.parents.length > 0 || rule.condition !== undefined)
        ? await created.named(owner, { table, id })
        : undefined;
    return [
      ...(await owning(owner, rule, its, known, new Set([rule]))),
      ...(sent ? await referred(owner, rule, known, asked) : []),
    ];
  };
}

/** A stored row's value in a column, if both exist and the column may be read. */
async function storedValue(
  { open: { unit } }: Owner,
  its: SoughtRow | undefined,
  column: string,
): Promise<unknown> {
  if (its?.at === undefined) return undefined;
  const { table, key } = its.at;
  const name = [...table.columns.keys()].find((each) => folded(each) === folded(column));
  if (name === undefined) return undefined;
  const found = await unit.fingerprint(table, [key], { columns: [...Object.keys(key), name] });
  // Checked first, because in most databases a refused statement ends the transaction.
  if (typeof found?.hashes[0] !== "string" || !found.columns.includes(name)) return undefined;
  return (await unit.lookUp(table, key, name))?.value;
}

function safeKey<P extends Principal, DB>(rule: Rule<P, DB>, id: string, principal: P): Values {
  try {
    return keyOf(rule, id, principal);
  } catch {
    return {};
  }
}

function isAbsent(value: unknown): boolean {
  return value === null || value === undefined;
}
