/** The configured table rules, compiled once: names resolved, shorthands spelled out, mistakes refused at the start. */
import type { Operation } from "../model.js";
import type { Principal } from "../context.js";
import type {
  ClientColumn,
  ColumnRule,
  CompositeId,
  Parent,
  ScopeRule,
  ServerColumn,
  TableRule,
} from "./table-rule.js";

type SetColumn<P extends Principal, DB> = ServerColumn<P, DB>["set"];

export interface Rule<P extends Principal, DB> {
  /** The client's name for the table. */
  readonly name: string;
  /** The source table, `name` or `schema.name`. */
  readonly table: string;
  readonly key: KeyRule<P>;
  readonly operations: ReadonlySet<Operation>;
  /** By the client's names. Absent: every column of the table. */
  readonly clientColumns?: ReadonlyMap<string, ClientColumn<P, DB> & { readonly column: string }>;
  /** By the source database's names. Set on every PUT and PATCH. */
  readonly serverColumns: ReadonlyMap<string, SetColumn<P, DB>>;
  /** The same, set where a PUT makes the row. */
  readonly insertColumns: ReadonlyMap<string, SetColumn<P, DB>>;
  readonly softDelete?: ReadonlyMap<string, SetColumn<P, DB>>;
  /** With `scope` and `parents` it makes the full scope: see `scopeOf` in `persist.ts`. */
  readonly owner?: string;
  readonly scope?: ScopeRule<P, DB>;
  readonly parents: readonly ParentRule<P, DB>[];
  readonly authorize?: TableRule<P, DB>["authorize"];
  readonly put: NonNullable<TableRule<P, DB>["put"]>;
  readonly ignoreUnknown: boolean;
  readonly hideForeign: boolean;
  readonly exact: Exactness;
  /** Mapping or judging an operation runs code of the application's, or asks the database: what stands before it must be written by then. */
  readonly looksAround: boolean;
}

/** Which columns take no more digits than they keep; of the others, more are rounded. By the source database's names. */
interface Exactness {
  /** They identify rows: this one, or one that it refers to. Filled in when all rules are known. */
  readonly identifying: Set<string>;
  /** What the rule says of columns, and what the server sets: its values are never refused for their digits. */
  readonly said: ReadonlyMap<string, boolean>;
  /** What the rule says of all others, where it says anything. */
  readonly otherwise?: boolean;
}

/** Where the client's row id goes. */
interface KeyRule<P extends Principal> {
  readonly columns: readonly string[];
  /** Absent: the one column holds it as it is. */
  readonly split?: CompositeId<P>["split"];
}

/** A row that this rule's rows belong to. */
export interface ParentRule<P extends Principal, DB> {
  /** Of this table, by the source database's name. */
  readonly column: string;
  /** The parent's own; this very rule, where a table refers to itself. */
  readonly rule: Rule<P, DB>;
  /** The parent's column that is referred to. */
  readonly by: string;
  readonly optional: boolean;
}

export type Rules<P extends Principal, DB> = ReadonlyMap<string, Rule<P, DB>>;

/** @throws TypeError where the rules contradict themselves */
export function compileRules<P extends Principal, DB>(
  tables: Readonly<Record<string, TableRule<P, DB>>>,
): Rules<P, DB> {
  const rules = new Map<string, Rule<P, DB>>();
  const compile = (name: string, below: readonly string[]): Rule<P, DB> | undefined => {
    const known = rules.get(name);
    if (known !== undefined) return known;
    const given = Object.hasOwn(tables, name) ? tables[name] : undefined;
    if (given === undefined) return undefined;
    if (below.includes(name)) {
      const circle = [...below.slice(below.indexOf(name)), name].join(" → ");
      throw new TypeError(`tables.${name}: belongsTo goes round in a circle: ${circle}.`);
    }
    const parents: ParentRule<P, DB>[] = [];
    const rule = { ...compileRule(name, given), parents };
    for (const [column, parent] of Object.entries(given.belongsTo ?? {})) {
      // Named one by one, for a spread leaves out what is inherited.
      const { table, by, optional } = (
        typeof parent === "string" ? { table: parent } : parent
      ) as Parent;
      const options = {
        ...(by !== undefined && { by }),
        ...(optional !== undefined && { optional }),
      };
      const its = table === name ? rule : compile(table, [...below, name]);
      parents.push(compileParent(rule, column, table, its, options));
    }
    refuseEndless(rule);
    rules.set(name, rule);
    return rule;
  };
  for (const name of Object.keys(tables)) compile(name, []);
  const all = [...rules.values()];
  const identifying = new Map(all.map((rule) => [rule, identifyingColumns(rule, all)]));
  for (const [rule, columns] of identifying) {
    for (const column of columns) rule.exact.identifying.add(column);
  }
  return rules;
}

/** Of a rule's table, the columns by which rows are told apart, or referred to: in them, two values that round to one would be one row. */
function identifyingColumns<P extends Principal, DB>(
  { table, key, owner, parents, clientColumns }: Rule<P, DB>,
  all: readonly Rule<P, DB>[],
): readonly string[] {
  const clients = [...(clientColumns?.values() ?? [])];
  const referred = all.flatMap((other) => [
    ...other.parents.filter((parent) => parent.rule.table === table).map(({ by }) => by),
    ...[...(other.clientColumns?.values() ?? [])].flatMap(({ references }) =>
      references?.table === table ? [references.match, references.take] : [],
    ),
  ]);
  return [
    ...key.columns,
    ...(owner === undefined ? [] : [owner]),
    ...parents.map(({ column }) => column),
    ...clients.flatMap(({ column, references }) => (references === undefined ? [] : [column])),
    ...referred,
  ];
}

const allOperations: readonly Operation[] = ["PUT", "PATCH", "DELETE"];

function compileRule<P extends Principal, DB>(
  name: string,
  rule: TableRule<P, DB>,
): Omit<Rule<P, DB>, "parents"> {
  const key = compileKey(rule.id ?? "id");
  const columns = compileColumns(rule.columns);
  const written = new Set([
    ...(columns.client?.keys() ?? []),
    ...[...(columns.client?.values() ?? [])].map(({ column }) => column),
    ...columns.server.keys(),
    ...columns.insert.keys(),
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
  return {
    name,
    table: rule.table ?? name,
    key,
    operations: new Set(rule.operations ?? allOperations),
    ...(columns.client && { clientColumns: columns.client }),
    serverColumns: columns.server,
    insertColumns: columns.insert,
    ...(rule.delete && { softDelete: new Map(Object.entries(rule.delete.set)) }),
    ...(rule.owner !== undefined && { owner: rule.owner }),
    ...(rule.scope && { scope: rule.scope }),
    ...(rule.authorize && { authorize: rule.authorize }),
    put: rule.put ?? "merge",
    ignoreUnknown: rule.unknownColumns === "ignore",
    hideForeign: rule.hideForeign === true,
    exact: {
      identifying: new Set(),
      said: new Map([
        ...[...(columns.client?.values() ?? [])].flatMap(({ column, exact }): [string, boolean][] =>
          exact === undefined ? [] : [[column, exact]],
        ),
        ...[...columns.server.keys(), ...columns.insert.keys()].map((column): [string, boolean] => [
          column,
          false,
        ]),
        ...Object.keys(rule.delete?.set ?? {}).map((column): [string, boolean] => [column, false]),
      ]),
      ...(rule.exact !== undefined && { otherwise: rule.exact }),
    },
    looksAround:
      rule.authorize !== undefined ||
      columns.server.size + columns.insert.size > 0 ||
      rule.delete !== undefined ||
      [...(columns.client?.values() ?? [])].some(
        ({ convert, references }) => (convert ?? references) !== undefined,
      ),
  };
}

function compileParent<P extends Principal, DB>(
  { name }: Rule<P, DB>,
  column: string,
  table: string,
  rule: Rule<P, DB> | undefined,
  { by, optional = false }: Omit<Parent, "table">,
): ParentRule<P, DB> {
  const where = `tables.${name}: belongsTo.${column}`;
  if (rule === undefined) {
    throw new TypeError(
      `${where} names "${table}", which has no rule in tables; it is the client's name that belongs here. For a table that nobody may write, make a rule with operations: [].`,
    );
  }
  const [key = "", second] = rule.key.columns;
  if (by === undefined && second !== undefined) {
    throw new TypeError(
      `${where}: "${table}" has a key of several columns, and one column can't refer to it. Name the column that it does refer to, { table: "${table}", by: "…" }, or write a scope.`,
    );
  }
  if (table !== name && !hasScope(rule)) {
    throw new TypeError(
      `${where}: "${table}" has neither owner nor scope nor belongsTo, so every row would do. Say there whose its rows are.`,
    );
  }
  return { column, rule, by: by ?? key, optional };
}

/** Of a parent in the same table its owner, its scope and its other parents are asked; one of them must be there. */
function refuseEndless<P extends Principal, DB>(rule: Rule<P, DB>): void {
  const { name, owner, scope, parents } = rule;
  if (owner !== undefined || scope !== undefined || parents.length === 0) return;
  if (parents.every((parent) => parent.rule === rule)) {
    throw new TypeError(
      `tables.${name}: belongsTo names nothing but the table itself, so nobody's rows would be anybody's. Add owner, scope or another parent.`,
    );
  }
}

function hasScope<P extends Principal, DB>({ owner, scope, parents }: Rule<P, DB>): boolean {
  return owner !== undefined || scope !== undefined || parents.length > 0;
}

function compileKey<P extends Principal>(
  id: string | readonly string[] | CompositeId<P>,
): KeyRule<P> {
  if (typeof id === "string") return { columns: [id] };
  return isColumnList(id) ? { columns: id, split: (value) => value.split(".") } : id;
}

function compileColumns<P extends Principal, DB>(columns: TableRule<P, DB>["columns"]) {
  const server = new Map<string, SetColumn<P, DB>>();
  const insert = new Map<string, SetColumn<P, DB>>();
  if (columns === undefined) return { client: undefined, server, insert };
  const client = new Map<string, ClientColumn<P, DB> & { readonly column: string }>();
  const entries: [string, ColumnRule<P, DB>][] = isColumnList(columns)
    ? columns.map((name) => [name, true])
    : Object.entries(columns);
  for (const [name, rule] of entries) {
    if (rule === true) client.set(name, { column: name });
    else if (typeof rule === "string") client.set(name, { column: rule });
    else if ("set" in rule) (rule.on === "insert" ? insert : server).set(name, rule.set);
    else client.set(name, compileColumn(name, rule));
  }
  return { client, server, insert };
}

/** Its members one by one, for a spread leaves out what is inherited. */
function compileColumn<P extends Principal, DB>(
  name: string,
  { column = name, references, convert, readOnly, exact }: ClientColumn<P, DB>,
): ClientColumn<P, DB> & { readonly column: string } {
  return {
    column,
    ...(references !== undefined && { references }),
    ...(convert !== undefined && { convert }),
    ...(readOnly !== undefined && { readOnly }),
    ...(exact !== undefined && { exact }),
  };
}

function isColumnList(columns: object): columns is readonly string[] {
  return Array.isArray(columns);
}
