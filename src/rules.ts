/** The configured table rules, compiled once: names resolved, shorthands spelled out, mistakes refused at the start. */
import type { ExpressionBuilder } from "kysely";
import type { Operation } from "./crud.js";
import type { OperationContext, Principal } from "./layer.js";
import type {
  ClientColumn,
  ColumnRule,
  CompositeId,
  Scope,
  ServerColumn,
  TableRule,
} from "./table-rule.js";

type SetColumn<P extends Principal, DB> = ServerColumn<P, DB>["set"];

export interface Rule<P extends Principal, DB> {
  /** The client's name for the table. */
  readonly name: string;
  /** The source table, `name` or `schema.name`. */
  readonly table: string;
  readonly key: CompositeId;
  readonly operations: ReadonlySet<Operation>;
  /** By the client's names. Absent: every column of the table. */
  readonly clientColumns?: ReadonlyMap<string, ClientColumn<P, DB> & { readonly column: string }>;
  /** By the source database's names. */
  readonly serverColumns: ReadonlyMap<string, SetColumn<P, DB>>;
  readonly softDelete?: ReadonlyMap<string, SetColumn<P, DB>>;
  readonly owner?: string;
  readonly scope?: Scope<P, DB>;
  readonly authorize?: TableRule<P, DB>["authorize"];
  readonly replace: boolean;
  readonly ignoreUnknown: boolean;
  readonly hideForeign: boolean;
}

export type Rules<P extends Principal, DB> = ReadonlyMap<string, Rule<P, DB>>;

/** @throws TypeError where the rules contradict themselves */
export function compileRules<P extends Principal, DB>(
  tables: Readonly<Record<string, TableRule<P, DB>>>,
): Rules<P, DB> {
  return new Map(Object.entries(tables).map(([name, rule]) => [name, compileRule(name, rule)]));
}

const allOperations: readonly Operation[] = ["PUT", "PATCH", "DELETE"];

function compileRule<P extends Principal, DB>(name: string, rule: TableRule<P, DB>): Rule<P, DB> {
  const key = compileKey(rule.id ?? "id");
  const columns = compileColumns(rule.columns);
  const written = new Set([
    ...(columns.client?.keys() ?? []),
    ...[...(columns.client?.values() ?? [])].map(({ column }) => column),
    ...columns.server.keys(),
    ...Object.keys(rule.delete?.set ?? {}),
  ]);
  const repeated = key.columns.find((each) => written.has(each));
  if (repeated !== undefined) {
    throw new TypeError(
      `tables.${name}: "${repeated}" is the key; it comes from the client's row id and is no column.`,
    );
  }
  if (rule.put === "replace" && columns.client === undefined) {
    throw new TypeError(`tables.${name}: put: "replace" needs the rule to list its columns.`);
  }
  if (rule.delete !== undefined && Object.keys(rule.delete.set).length === 0) {
    throw new TypeError(
      `tables.${name}: delete: { set } sets no column; it would be no soft delete.`,
    );
  }
  const scope = fullScope(rule);
  return {
    name,
    table: rule.table ?? name,
    key,
    operations: new Set(rule.operations ?? allOperations),
    ...(columns.client && { clientColumns: columns.client }),
    serverColumns: columns.server,
    ...(rule.delete && { softDelete: new Map(Object.entries(rule.delete.set)) }),
    ...(rule.owner !== undefined && { owner: rule.owner }),
    ...(scope && { scope }),
    ...(rule.authorize && { authorize: rule.authorize }),
    replace: rule.put === "replace",
    ignoreUnknown: rule.unknownColumns === "ignore",
    hideForeign: rule.hideForeign === true,
  };
}

function compileKey(id: string | readonly string[] | CompositeId): CompositeId {
  if (typeof id === "string") return { columns: [id], split: (value) => [value] };
  return isList(id) ? { columns: id, split: (value) => value.split(".") } : id;
}

function compileColumns<P extends Principal, DB>(columns: TableRule<P, DB>["columns"]) {
  const server = new Map<string, SetColumn<P, DB>>();
  if (columns === undefined) return { client: undefined, server };
  const client = new Map<string, ClientColumn<P, DB> & { readonly column: string }>();
  const entries: [string, ColumnRule<P, DB>][] = isList(columns)
    ? columns.map((name) => [name, true])
    : Object.entries(columns);
  for (const [name, rule] of entries) {
    if (rule === true) client.set(name, { column: name });
    else if (typeof rule === "string") client.set(name, { column: rule });
    else if ("set" in rule) server.set(name, rule.set);
    else client.set(name, { ...rule, column: rule.column ?? name });
  }
  return { client, server };
}

function isList(columns: object): columns is readonly string[] {
  return Array.isArray(columns);
}

function fullScope<P extends Principal, DB>(rule: TableRule<P, DB>): Scope<P, DB> | undefined {
  const { owner, scope } = rule;
  if (owner === undefined) return scope;
  const owns = ownerScope<P, DB>(owner);
  return scope === undefined
    ? owns
    : (eb, context) => eb.and([owns(eb, context), scope(eb, context)]);
}

function ownerScope<P extends Principal, DB>(owner: string): Scope<P, DB> {
  return (eb, { principal }: OperationContext<P, DB>) => {
    // The column is named by configuration and checked by the database; its type can't be known here.
    const column = eb as unknown as ExpressionBuilder<
      Record<string, Record<string, string>>,
      string
    >;
    return column(owner, "=", principal.userId);
  };
}
