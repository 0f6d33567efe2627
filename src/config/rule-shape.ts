/** Every option of a table's rule, as data, to be checked at the start. */
import type { Principal } from "../context.js";
import type { Operation } from "../model.js";
import type { MemberTable, ScopeCondition } from "../pipeline/conditions.js";
import type { AddBounds, ConflictRule } from "../pipeline/conflict/rule.js";
import type { Mutator } from "../pipeline/mutators.js";
import type { RowSchemas } from "../pipeline/standard-schema.js";
import type {
  ClientColumn,
  CompositeId,
  Parent,
  Reference,
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
import type { ShapeOf } from "./shapes.js";

const column = worded("a column's name", text);
const columnNames = list(column, "a list of columns");
const keyColumns: Kind = {
  ...columnNames,
  words: "a list of columns, without repetition and not empty",
  fits: (value) => Array.isArray(value) && value.length > 0 && new Set(value).size === value.length,
};

/** An entry of a rule's `columns`. */
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
const columnRule = worded(
  "true, a column's name, or an object such as { column } or { readOnly }",
  either(oneOf(true), column, clientColumn),
);

const setColumns = recordOf(func, "an object of functions by column");

const memberValue: Kind = {
  words: "a text, a number, a bigint, a boolean or null",
  fits: (value) =>
    value === null ||
    ["string", "bigint", "boolean"].includes(typeof value) ||
    (typeof value === "number" && Number.isFinite(value)),
};
const memberValues: Kind = {
  ...list(memberValue, "a list of such values that is not empty"),
  fits: (value) => Array.isArray(value) && value.length > 0,
};
const heldColumns = recordOf(
  either(memberValue, memberValues),
  "an object of values by column that is not empty",
);

const members = object(
  {
    table: required(worded("the name of the table that has a row for each member", text)),
    row: required(column),
    user: required(column),
    by: defined(column),
    // Without a column, it would not restrict anything.
    where: defined({
      ...heldColumns,
      fits: (value) => heldColumns.fits(value) && Object.keys(value as object).length > 0,
    }),
  } satisfies ShapeOf<MemberTable>,
  "an object { table, row, user, by, where }",
);

const conditionWords =
  "a function (eb, context) => expression, or the result of anyOf, isOwner or isMember";

/** An object that `isOwner`, `isMember` or `anyOf` returns. */
const someCondition = object(
  {
    isOwner: defined(column),
    isMember: defined(members),
    anyOf: defined({
      words: "a list of conditions that is not empty",
      fits: (value) => Array.isArray(value) && value.length > 0,
      // A function, because `condition` is defined below.
      inside: (value, path) => list(condition, "").inside?.(value, path),
    }),
  } satisfies Record<KeyOfAny<ScopeCondition>, Kind>,
  "the result of isOwner, isMember or anyOf",
);
const condition: Kind = {
  ...someCondition,
  inside: (value, path) => {
    someCondition.inside?.(value, path);
    if (Object.keys(value as object).length !== 1)
      throw new TypeError(`${path} must have one of isOwner, isMember and anyOf.`);
  },
};

type KeyOfAny<T> = T extends unknown ? keyof T : never;

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

const schema: Kind = {
  words: "a schema that follows Standard Schema, version 1",
  // Schemas of Arktype are functions.
  fits: (value) => {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
    const { "~standard": standard } = value as Readonly<
      Record<string, { readonly version?: unknown; readonly validate?: unknown } | undefined>
    >;
    return standard?.version === 1 && typeof standard.validate === "function";
  },
};
const rowSchemas = worded(
  "a schema that follows Standard Schema, or a pair of them, { put, patch }",
  either(
    schema,
    object(
      { put: defined(schema), patch: defined(schema) } satisfies ShapeOf<RowSchemas>,
      "a pair { put, patch }",
    ),
  ),
);

/** The kind of each member of `mutators`. */
export const mutator = worded(
  "a function (args, context) => void, or an object { args, run, optimistic }",
  either(
    func,
    object(
      {
        args: defined(schema),
        run: required(func),
        optimistic: oneOf("leave", "apply"),
      } satisfies ShapeOf<Mutator<Principal, unknown>>,
      "an object { args, run, optimistic }",
    ),
  ),
);

const bound: Kind = {
  words: "a number",
  fits: (value) =>
    typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value)),
};
const someColumns: Kind = {
  ...columnNames,
  words: "a list of columns that is not empty",
  fits: (value) => Array.isArray(value) && value.length > 0,
};

const conflict = object(
  {
    version: defined(column),
    newest: defined(
      worded(
        "the name of a timestamp's column, or an object that names one for each column",
        either(column, recordOf(column, "an object of columns")),
      ),
    ),
    add: defined(
      worded(
        "a list of columns, or an object of { min, max } by column",
        either(
          someColumns,
          recordOf(
            object(
              { min: defined(bound), max: defined(bound) } satisfies ShapeOf<AddBounds>,
              "an object { min, max }",
            ),
            "an object of { min, max } by column",
          ),
        ),
      ),
    ),
    union: defined(someColumns),
    greatest: defined(someColumns),
    least: defined(someColumns),
    changed: defined(oneOf("reject", "merge")),
    record: defined(worded("the name of a table", text)),
    resolve: defined(worded("a function (conflict, context) => values", func)),
    readable: defined(columnNames),
  } satisfies ShapeOf<ConflictRule<Principal, unknown>>,
  'an object, such as { version: "version" }',
);

/** The kind of each member of `tables`. */
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
    set: defined(setColumns),
    setOnInsert: defined(setColumns),
    insertOnly: defined(columnNames),
    validate: defined(rowSchemas),
    operations: defined(list(oneOf(...operations), "a list of PUT, PATCH and DELETE")),
    owner: defined(worded("the name of the column that holds the owner's user id", text)),
    belongsTo: defined(
      recordOf(parent, "an object that names a table for each column that refers to one"),
    ),
    scope: defined(worded(conditionWords, either(func, condition))),
    authorize: defined(worded("a function (write, context) => void", func)),
    access: defined(oneOf("everyone")),
    put: oneOf("merge", "replace", "insert"),
    delete: defined(
      object(
        { set: required(setColumns) } satisfies ShapeOf<
          NonNullable<TableRule<Principal, unknown>["delete"]>
        >,
        "an object { set }",
      ),
    ),
    conflict: defined(conflict),
    persist: defined(worded("a function (write, context, next) => outcome", func)),
    unknownColumns: oneOf("reject", "ignore"),
    exact: defined(flag),
    hideForeign: defined(flag),
  } satisfies ShapeOf<TableRule<Principal, unknown>>,
  'a rule, such as { owner: "owner_id" }',
);
