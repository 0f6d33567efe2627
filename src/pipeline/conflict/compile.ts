/** Compiles a rule's `conflict`: assigns each column its strategy, and refuses mistakes at the start. */
import type { Principal } from "../../context.js";
import { isColumnList, type RuleColumns } from "../rule-columns.js";
import type { TableRule } from "../table-rule.js";
import type { AddBounds, ConflictRule, ResolveConflict } from "./rule.js";

/** By the source database's names. */
export interface Conflict<P extends Principal, DB> {
  readonly version?: string;
  /** The timestamp of the whole row. */
  readonly rowStamp?: string;
  /** Columns that have timestamps of their own. */
  readonly stamps: ReadonlyMap<string, string>;
  readonly added: ReadonlyMap<string, AddBounds>;
  readonly union: ReadonlySet<string>;
  readonly greatest: ReadonlySet<string>;
  readonly least: ReadonlySet<string>;
  readonly changed?: "reject" | "merge";
  readonly record?: string;
  readonly resolve?: ResolveConflict<P, DB>;
  readonly readable?: ReadonlySet<string>;
  /** Columns with a strategy of their own. A change of their stored values is no conflict. */
  readonly merging: ReadonlySet<string>;
}

type Given<P extends Principal, DB> = Pick<
  TableRule<P, DB>,
  "conflict" | "put" | "owner" | "belongsTo" | "delete"
>;

/** @throws TypeError if the strategies contradict each other or the rest of the rule */
export function compileConflict<P extends Principal, DB>(
  name: string,
  rule: Given<P, DB>,
  given: ConflictRule<P, DB>,
  columns: RuleColumns<P, DB>,
  keyColumns: readonly string[],
): Conflict<P, DB> {
  const where = `tables.${name}: conflict`;
  const { version, newest, add = [], union = [], greatest = [], least = [] } = given;
  const { changed, record, resolve, readable } = given;
  const rowStamp = typeof newest === "string" ? newest : undefined;
  const stamps = new Map(typeof newest === "object" ? Object.entries(newest) : []);
  const added = new Map<string, AddBounds>(
    isColumnList(add) ? add.map((each) => [each, {}] as const) : Object.entries(add),
  );
  const strategies: readonly (readonly [string, Iterable<string>])[] = [
    ["version", version === undefined ? [] : [version]],
    ["newest", rowStamp === undefined ? stamps.keys() : [rowStamp]],
    ["newest", new Set(stamps.values())],
    ["add", added.keys()],
    ["union", union],
    ["greatest", greatest],
    ["least", least],
  ];
  const taken = new Map<string, string>();
  for (const [strategy, names] of strategies) {
    for (const column of names) {
      const other = taken.get(column);
      if (other !== undefined)
        throw new TypeError(
          `${where}: "${column}" is in ${other} and in ${strategy}. A column follows one strategy.`,
        );
      taken.set(column, strategy);
      refuseFixed(where, rule, column, strategy, columns, keyColumns);
    }
  }
  if (taken.size === 0 && changed === undefined && resolve === undefined) {
    throw new TypeError(
      record === undefined
        ? `${where} says nothing. Name a strategy, such as { version: "version" }, or leave it out.`
        : `${where}: nothing would ever be recorded. Say what a conflict is, by version, newest or changed.`,
    );
  }
  for (const [column, { min, max }] of added) {
    if (min !== undefined && max !== undefined && min > max)
      throw new TypeError(`${where}.add.${column}: min is greater than max.`);
  }
  const detecting = [version, rowStamp, changed].filter((each) => each !== undefined);
  if (detecting.length > 1)
    throw new TypeError(
      `${where}: version, changed and the row's newest each decide about the whole row. Choose one of them.`,
    );
  if (record !== undefined && detecting.length === 0 && stamps.size === 0 && !resolve)
    throw new TypeError(
      `${where}: nothing would ever be recorded. Say what a conflict is, by version, newest or changed.`,
    );
  if (resolve !== undefined && (rowStamp ?? stamps.keys().next().value) !== undefined)
    throw new TypeError(
      `${where}: resolve decides about conflicts, and with newest there are none. Choose one of them.`,
    );
  if (rule.put === "insert")
    throw new TypeError(
      `${where}: with put: "insert", a PUT never changes an existing row. Take one of them out.`,
    );
  return {
    ...(version !== undefined && { version }),
    ...(rowStamp !== undefined && { rowStamp }),
    stamps,
    added,
    union: new Set(union),
    greatest: new Set(greatest),
    least: new Set(least),
    ...(changed !== undefined && { changed }),
    ...(record !== undefined && { record }),
    ...(resolve !== undefined && { resolve }),
    ...(readable !== undefined && { readable: new Set(readable) }),
    merging: new Set(taken.keys()),
  };
}

/** Refuses a strategy for a column that clients can't send or that never changes. The version is an exception: the server sets it. */
function refuseFixed<P extends Principal, DB>(
  where: string,
  { owner, belongsTo = {} }: Given<P, DB>,
  column: string,
  strategy: string,
  { clientColumns, serverColumns, insertColumns, insertOnly, softDelete }: RuleColumns<P, DB>,
  keyColumns: readonly string[],
): void {
  const refuse = (why: string): never => {
    throw new TypeError(`${where}.${strategy}: "${column}" ${why}`);
  };
  if (keyColumns.includes(column)) refuse("is the key, which no write changes.");
  if (serverColumns.has(column) || insertColumns.has(column) || softDelete?.has(column))
    refuse("is set by the server. Take it out of set, setOnInsert and delete.");
  if (insertOnly.has(column)) refuse("is in insertOnly, and no write changes it.");
  if (column === owner || Object.hasOwn(belongsTo, column))
    refuse("says whose the row is, and can't be merged.");
  if (clientColumns === undefined) return;
  const listed = [...clientColumns.values()].find((each) => each.column === column);
  if (listed?.references !== undefined) refuse("is looked up by references, and can't be merged.");
  if (strategy !== "version" && (listed === undefined || listed.readOnly !== undefined))
    refuse('is a column that clients can\'t send. Add it to "columns".');
}

/** Whether any table counts versions, so that the library records who wrote them. */
export function countsVersions<P extends Principal, DB>(
  tables: Readonly<Record<string, TableRule<P, DB>>>,
): boolean {
  return Object.values(tables).some(({ conflict }) => conflict?.version !== undefined);
}

/** Whether the client's column is the rule's version, which clients send but do not write. */
export function isVersion<P extends Principal, DB>(
  name: string,
  {
    conflict,
    clientColumns,
  }: Pick<RuleColumns<P, DB>, "clientColumns"> & {
    readonly conflict?: Conflict<P, DB>;
  },
): boolean {
  if (conflict?.version === undefined) return false;
  return (clientColumns?.get(name)?.column ?? name) === conflict.version;
}
