/** Compiles the configured table rules once: resolves names, expands shorthands, and refuses mistakes at the start. */
import type { Operation } from "../model.js";
import { nearestTo } from "../config/nearest.js";
import type { Principal } from "../context.js";
import {
  type Condition,
  type Membership,
  membershipsOf,
  ownerColumnsOf,
} from "../store/conditions.js";
import { storeCondition } from "./conditions.js";
import {
  compileColumns,
  computesValues,
  digitsSaid,
  isColumnList,
  type RuleColumns,
} from "./rule-columns.js";
import { compileConflict, type Conflict } from "./conflict/compile.js";
import { compileRowSchemas } from "./row-schema.js";
import type { RowSchemas } from "./standard-schema.js";
import type { CompositeId, Parent, ScopeRule, TableRule } from "./table-rule.js";

export interface Rule<P extends Principal, DB> extends RuleColumns<P, DB> {
  /** The client's name for the table. */
  readonly name: string;
  /** The source table, `name` or `schema.name`. */
  readonly table: string;
  readonly key: KeyRule<P>;
  readonly operations: ReadonlySet<Operation>;
  readonly validate?: RowSchemas;
  /** The owner column. `owner`, `condition`, `scope` and `parents` together make the full scope: see `scopeOf` in `scope.ts`. */
  readonly owner?: string;
  /** The rule's `scope`, if it is plain data. */
  readonly condition?: Condition;
  /** The rule's `scope`, if it is a function. */
  readonly scope?: ScopeRule<P, DB>;
  /** The column that gets the caller's id if a PUT leaves it out: `owner`, or the first `isOwner` of the condition. */
  readonly ownerColumn?: string;
  readonly parents: readonly ParentRule<P, DB>[];
  readonly authorize?: TableRule<P, DB>["authorize"];
  readonly persist?: TableRule<P, DB>["persist"];
  readonly put: NonNullable<TableRule<P, DB>["put"]>;
  readonly conflict?: Conflict<P, DB>;
  /**
   * The columns without which nothing is written, beside those that are written: the key's, and those of `insertOnly` and `conflict`. Under a wrong name,
   * one of `insertOnly` would protect nothing, and for one of `conflict` no change would say what it was made on.
   */
  readonly needed: readonly string[];
  readonly ignoreUnknown: boolean;
  readonly hideForeign: boolean;
  readonly exact: Exactness;
  /** Whether an operation of this rule runs application code or reads from the database, so that earlier changes must have been written by then. */
  readonly looksAround: boolean;
}

/** Which columns refuse values with more digits than they keep, by the source database's names. For the others such values are rounded. */
interface Exactness {
  /** Columns that identify this row, or one that it refers to. Filled in once all rules are known. */
  readonly identifying: Set<string>;
  /** What the rule says for single columns, and false for those that the server sets. */
  readonly said: ReadonlyMap<string, boolean>;
  /** What the rule says for all other columns, if anything. */
  readonly otherwise?: boolean;
}

/** The columns that the client's row id is stored in. */
interface KeyRule<P extends Principal> {
  readonly columns: readonly string[];
  /** Absent: the only column holds the id as it is. */
  readonly split?: CompositeId<P>["split"];
}

/** A row that this rule's rows belong to. */
export interface ParentRule<P extends Principal, DB> {
  /** The column of this rule's table, by the source database's name. */
  readonly column: string;
  /** The parent's rule. If a table refers to itself, this is the rule itself. */
  readonly rule: Rule<P, DB>;
  /** The column of the parent that is referred to. */
  readonly by: string;
  readonly optional: boolean;
}

export type Rules<P extends Principal, DB> = ReadonlyMap<string, Rule<P, DB>>;

/** @throws TypeError if the rules contradict each other */
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
      // Members are copied one by one, because a spread omits inherited ones.
      const { table, by, optional } = (
        typeof parent === "string" ? { table: parent } : parent
      ) as Parent;
      const options = {
        ...(by !== undefined && { by }),
        ...(optional !== undefined && { optional }),
      };
      const its = table === name ? rule : compile(table, [...below, name]);
      if (its === undefined) throw noParent(name, column, table, Object.keys(tables));
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

/** The columns of a rule's table that identify rows or refer to rows. If values in them were rounded, two rows could become one. */
function identifyingColumns<P extends Principal, DB>(
  { table, key, owner, condition, parents, clientColumns }: Rule<P, DB>,
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
    ...(condition === undefined ? [] : ownerColumnsOf(condition)),
    ...(condition === undefined ? [] : membershipsOf(condition).map(({ by }) => by)),
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
  const columns = compileColumns(name, rule, key.columns);
  const { scope } = rule;
  const condition =
    scope === undefined || typeof scope === "function"
      ? undefined
      : storeCondition(scope, () => onlyKey(name, key));
  const ownerColumn = rule.owner ?? (condition && ownerColumnsOf(condition)[0]);
  const operations = new Set(rule.operations ?? allOperations);
  const conflict =
    rule.conflict && compileConflict(name, rule, rule.conflict, columns, key.columns);
  return {
    name,
    table: rule.table ?? name,
    key,
    operations,
    ...(rule.validate && { validate: compileRowSchemas(name, rule.validate, operations) }),
    ...columns,
    ...(rule.owner !== undefined && { owner: rule.owner }),
    ...(condition && { condition }),
    ...(typeof scope === "function" && { scope }),
    ...(ownerColumn !== undefined && { ownerColumn }),
    ...(rule.authorize && { authorize: rule.authorize }),
    ...(rule.persist && { persist: rule.persist }),
    put: rule.put ?? "merge",
    ...(conflict && { conflict }),
    needed: [...key.columns, ...columns.insertOnly.keys(), ...(conflict?.merging ?? [])],
    ignoreUnknown: rule.unknownColumns === "ignore",
    hideForeign: rule.hideForeign === true,
    exact: {
      identifying: new Set(),
      said: digitsSaid(columns),
      ...(rule.exact !== undefined && { otherwise: rule.exact }),
    },
    looksAround:
      (rule.authorize ?? rule.persist ?? rule.conflict) !== undefined || computesValues(columns),
  };
}

/** The memberships that a rule's scope asks for. */
export function membershipsIn<P extends Principal, DB>({
  condition,
}: Pick<Rule<P, DB>, "condition">): readonly Membership[] {
  return condition === undefined ? [] : membershipsOf(condition);
}

/** The default of a membership's `by`: the key's only column. */
function onlyKey<P extends Principal>(name: string, { columns }: KeyRule<P>): string {
  const [first = "", second] = columns;
  if (second === undefined) return first;
  throw new TypeError(
    `tables.${name}: scope.isMember: the key has several columns, and one column can't refer to it. Name the column that it does refer to, { by: "…" }.`,
  );
}

function compileParent<P extends Principal, DB>(
  { name }: Rule<P, DB>,
  column: string,
  table: string,
  rule: Rule<P, DB>,
  { by, optional = false }: Omit<Parent, "table">,
): ParentRule<P, DB> {
  const where = `tables.${name}: belongsTo.${column}`;
  const [key = "", second] = rule.key.columns;
  if (by === undefined && second !== undefined) {
    throw new TypeError(
      `${where}: "${table}" has a key of several columns, and one column can't refer to it. Name the column that it does refer to, { table: "${table}", by: "…" }, or write a scope.`,
    );
  }
  if (table !== name && !hasScope(rule)) {
    throw new TypeError(
      `${where}: "${table}" has neither owner nor scope nor belongsTo, so a row of anybody would be accepted. Add one of these to its rule.`,
    );
  }
  return { column, rule, by: by ?? key, optional };
}

/** @param names the tables that have a rule, by the client's names */
function noParent(name: string, column: string, table: string, names: readonly string[]) {
  const where = `tables.${name}: belongsTo.${column} names "${table}", which has no rule in tables`;
  if (names.includes(column)) {
    return new TypeError(`${where}. The column comes first: belongsTo: { ${table}: "${column}" }.`);
  }
  const nearest = nearestTo(table, names);
  return new TypeError(
    nearest === undefined
      ? `${where}; it is the client's name that belongs here. For a table that nobody may write, make a rule with operations: [].`
      : `${where}. Did you mean "${nearest}"?`,
  );
}

/** A parent in the same table is checked by its owner, its scope and its other parents, so the rule must have at least one of these. */
function refuseEndless<P extends Principal, DB>(rule: Rule<P, DB>): void {
  const { name, owner, condition, scope, parents } = rule;
  if ((owner ?? condition ?? scope) !== undefined || parents.length === 0) return;
  if (parents.every((parent) => parent.rule === rule)) {
    throw new TypeError(
      `tables.${name}: belongsTo names only the table itself, which does not say whose the rows are. Add owner, scope or another parent.`,
    );
  }
}

function hasScope<P extends Principal, DB>(rule: Rule<P, DB>): boolean {
  const { owner, condition, scope, parents } = rule;
  return (owner ?? condition ?? scope) !== undefined || parents.length > 0;
}

function compileKey<P extends Principal>(
  id: string | readonly string[] | CompositeId<P>,
): KeyRule<P> {
  if (typeof id === "string") return { columns: [id] };
  return isColumnList(id) ? { columns: id, split: (value) => value.split(".") } : id;
}
