/** Compiles the columns of a rule: those that clients send, those that the server sets, and those that are set once. */
import type { Principal } from "../context.js";
import type { ClientColumn, ColumnRule, SetColumn, TableRule } from "./table-rule.js";

export interface RuleColumns<P extends Principal, DB> {
  /** By the client's names. Absent: every column of the table, except the key and the columns that the server sets. */
  readonly clientColumns?: ReadonlyMap<string, ClientColumn<P, DB> & { readonly column: string }>;
  /** By the source database's names. Set on every PUT and PATCH. */
  readonly serverColumns: ReadonlyMap<string, SetColumn<P, DB>>;
  /** The same, but set only if a PUT inserts the row. */
  readonly insertColumns: ReadonlyMap<string, SetColumn<P, DB>>;
  readonly softDelete?: ReadonlyMap<string, SetColumn<P, DB>>;
  /** The source database's names, each with the client's: columns that an existing row keeps, and that no client can change. */
  readonly insertOnly: ReadonlyMap<string, string>;
  /** The columns that an existing row keeps in any case: those of `insertColumns` and `insertOnly`. */
  readonly keptByPut: readonly string[];
}

type Given<P extends Principal, DB> = Pick<
  TableRule<P, DB>,
  "columns" | "set" | "setOnInsert" | "insertOnly" | "delete" | "put"
>;

/** @throws TypeError if the options contradict each other, or name a column of the key */
export function compileColumns<P extends Principal, DB>(
  name: string,
  rule: Given<P, DB>,
  keyColumns: readonly string[],
): RuleColumns<P, DB> {
  const clientColumns = compileClientColumns(rule.columns);
  const clients = [...(clientColumns ?? [])];
  const serverColumns = new Map(Object.entries(rule.set ?? {}));
  const insertColumns = new Map(Object.entries(rule.setOnInsert ?? {}));
  const { insertOnly = [] } = rule;
  const refuse = (column: string, why: string): never => {
    throw new TypeError(`tables.${name}: "${column}" ${why}`);
  };
  const written = new Set([
    ...clients.flatMap(([client, { column }]) => [client, column]),
    ...serverColumns.keys(),
    ...insertColumns.keys(),
    ...insertOnly,
    ...Object.keys(rule.delete?.set ?? {}),
  ]);
  for (const column of keyColumns) {
    if (written.has(column))
      refuse(column, "is the key; it comes from the client's row id and is no column.");
  }
  for (const column of insertColumns.keys()) {
    if (serverColumns.has(column))
      refuse(column, "is in set and in setOnInsert. Write it into one of them.");
  }
  for (const column of [...serverColumns.keys(), ...insertColumns.keys()]) {
    const sent = clients.find(([, each]) => each.column === column && each.readOnly === undefined);
    if (sent !== undefined)
      refuse(
        column,
        `is set by the server, and columns.${sent[0]} lets clients write it. Take it out of "columns", or say { readOnly: "ignore" } there.`,
      );
    if (insertOnly.includes(column))
      refuse(
        column,
        'is set by the server, and clients never send it. Take it out of "insertOnly"; setOnInsert alone keeps it as it is.',
      );
  }
  const once = insertOnly.map((column): [string, string] => {
    if (clientColumns === undefined) return [column, column];
    const sent = clients.find(([, each]) => each.column === column && each.readOnly === undefined);
    return [
      column,
      sent?.[0] ??
        refuse(column, 'is in insertOnly, and clients can\'t send it. Add it to "columns".'),
    ];
  });
  if (rule.put === "replace" && clientColumns === undefined) {
    throw new TypeError(`tables.${name}: put: "replace" needs the rule to list its columns.`);
  }
  if (rule.delete !== undefined && Object.keys(rule.delete.set).length === 0) {
    throw new TypeError(
      `tables.${name}: delete: { set } sets no column; it would be no soft delete.`,
    );
  }
  return {
    ...(clientColumns && { clientColumns }),
    serverColumns,
    insertColumns,
    ...(rule.delete && { softDelete: new Map(Object.entries(rule.delete.set)) }),
    insertOnly: new Map(once),
    keptByPut: [...insertColumns.keys(), ...new Map(once).keys()],
  };
}

/** By column, whether `exact` applies: what the rule says for columns, and false for those that the server sets, whose values are always rounded. */
export function digitsSaid<P extends Principal, DB>({
  clientColumns,
  serverColumns,
  insertColumns,
  softDelete,
}: RuleColumns<P, DB>): ReadonlyMap<string, boolean> {
  const said = [...(clientColumns?.values() ?? [])].flatMap(({ column, exact }) =>
    exact === undefined ? [] : [[column, exact] as const],
  );
  const set = [serverColumns, insertColumns, softDelete].flatMap((each) => [
    ...(each?.keys() ?? []),
  ]);
  return new Map([...said, ...set.map((column) => [column, false] as const)]);
}

/** Whether mapping an operation may run application code, or look up a value in another table. */
export function computesValues<P extends Principal, DB>({
  clientColumns,
  serverColumns,
  insertColumns,
  softDelete,
}: RuleColumns<P, DB>): boolean {
  return (
    serverColumns.size + insertColumns.size > 0 ||
    softDelete !== undefined ||
    [...(clientColumns?.values() ?? [])].some(
      ({ convert, references }) => (convert ?? references) !== undefined,
    )
  );
}

function compileClientColumns<P extends Principal, DB>(
  columns: TableRule<P, DB>["columns"],
): RuleColumns<P, DB>["clientColumns"] {
  if (columns === undefined) return undefined;
  const entries: [string, ColumnRule<P, DB>][] = isColumnList(columns)
    ? columns.map((name) => [name, true])
    : Object.entries(columns);
  return new Map(entries.map(([name, rule]) => [name, compileColumn(name, rule)]));
}

/** Members are copied one by one, because a spread omits inherited ones. */
function compileColumn<P extends Principal, DB>(
  name: string,
  rule: ColumnRule<P, DB>,
): ClientColumn<P, DB> & { readonly column: string } {
  if (rule === true) return { column: name };
  if (typeof rule === "string") return { column: rule };
  const { column = name, references, convert, readOnly, exact } = rule;
  return {
    column,
    ...(references !== undefined && { references }),
    ...(convert !== undefined && { convert }),
    ...(readOnly !== undefined && { readOnly }),
    ...(exact !== undefined && { exact }),
  };
}

export function isColumnList(columns: object): columns is readonly string[] {
  return Array.isArray(columns);
}
