/** What a table's rule may say, as data. */
import type { Principal } from "../context.js";
import type { Operation } from "../model.js";
import type {
  ClientColumn,
  CompositeId,
  Parent,
  Reference,
  ServerColumn,
  TableRule,
} from "../pipeline/table-rule.js";
import {
  defined,
  either,
  flag,
  func,
  type Kind,
  list,
  object,
  oneOf,
  recordOf,
  required,
  text,
  worded,
} from "./kinds.js";

/** A kind for each option of a type: one that is missing here, or unknown there, doesn't compile. */
export type ShapeOf<Options> = Readonly<Record<keyof Options, Kind>>;

const column = worded("a column's name", text);
const columnNames = list(column, "a list of columns");
const keyColumns: Kind = {
  ...columnNames,
  words: "a list of columns, without repetition and not empty",
  fits: (value) => Array.isArray(value) && value.length > 0 && new Set(value).size === value.length,
};

/** A rule's column that the client sends, or that the server sets. */
const clientColumn = object(
  {
    column,
    references: defined(
      object(
        {
          table: required(text),
          match: required(column),
          take: required(column),
        } satisfies ShapeOf<Reference>,
        "an object { table, match, take }",
      ),
    ),
    convert: defined(func),
    readOnly: defined(oneOf("reject", "ignore")),
    exact: defined(flag),
  } satisfies ShapeOf<ClientColumn<Principal, unknown>>,
  "an object { column, references, convert, readOnly, exact }",
);
const serverColumn = object(
  { set: required(func), on: oneOf("write", "insert") } satisfies ShapeOf<
    ServerColumn<Principal, unknown>
  >,
  "an object { set, on }",
);
const withSet: Kind = {
  ...serverColumn,
  fits: (value) => serverColumn.fits(value) && "set" in (value as object),
};

const columnRule = worded(
  "true, a column's name, or an object such as { column } or { set }",
  either(oneOf(true), column, withSet, clientColumn),
);

const parent = worded(
  "a table's name in `tables`, or an object { table, by, optional }",
  either(
    text,
    object(
      { table: required(text), by: defined(column), optional: flag } satisfies ShapeOf<Parent>,
      "an object { table, by, optional }",
    ),
  ),
);

const operations = ["PUT", "PATCH", "DELETE"] as const satisfies readonly Operation[];

/** A table's rule. */
export const tableRule = object(
  {
    table: defined(worded("the table's name in the source database", text)),
    id: defined(
      worded(
        "a column's name, a list of columns, or an object { columns, split }",
        either(
          column,
          keyColumns,
          object(
            { columns: required(keyColumns), split: required(func) } satisfies ShapeOf<
              CompositeId<Principal>
            >,
            "an object { columns, split }",
          ),
        ),
      ),
    ),
    columns: defined(
      worded(
        "a list of columns, or an object of columns by the client's names",
        either(columnNames, recordOf(columnRule, "an object of columns")),
      ),
    ),
    operations: defined(list(oneOf(...operations), "a list of PUT, PATCH and DELETE")),
    owner: defined(worded("the name of the column that holds the owner's user id", text)),
    belongsTo: defined(
      recordOf(parent, "an object that names a table for each column that refers to one"),
    ),
    scope: defined(worded("a function (eb, context) => expression", func)),
    authorize: defined(worded("a function (write, context) => void", func)),
    access: defined(oneOf("everyone")),
    put: oneOf("merge", "replace", "insert"),
    delete: defined(
      object(
        { set: required(recordOf(func, "an object of functions by column")) } satisfies ShapeOf<
          NonNullable<TableRule<Principal, unknown>["delete"]>
        >,
        "an object { set }",
      ),
    ),
    unknownColumns: oneOf("reject", "ignore"),
    exact: defined(flag),
    hideForeign: defined(flag),
  } satisfies ShapeOf<TableRule<Principal, unknown>>,
  'a rule, such as { owner: "owner_id" }',
);
