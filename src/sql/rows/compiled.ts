/** Statements that are compiled once: their texts, with places for the values that differ from one time to the next. */
import {
  CamelCasePlugin,
  type Compilable,
  type CompiledQuery,
  type QueryExecutorProvider,
  WithSchemaPlugin,
} from "kysely";
import type { Values } from "../../store/store.js";
import type { Texts } from "./target.js";

/** Stands for a value in a statement that is compiled. */
export class Placeholder {
  readonly of: "values" | "key" | "scope" | "fixed" | "claim";
  readonly name: string;

  constructor(of: Placeholder["of"], name: string) {
    this.of = of;
    this.name = name;
  }
}

/** The same columns, and places in place of their values. */
export function placeholders(of: Placeholder["of"], columns: Values): Values {
  return Object.fromEntries(Object.keys(columns).map((name) => [name, new Placeholder(of, name)]));
}

/** Of one table. No application has as many shapes; but its clients leave out columns as they like. */
const mostOfTable = 500;

export function keepCompiled(
  texts: Texts,
  table: object,
  what: string,
  statement: Compilable,
): CompiledQuery {
  const ofTable = texts.get(table) ?? new Map<string, CompiledQuery>();
  texts.set(table, ofTable);
  if (ofTable.size >= mostOfTable) ofTable.clear();
  const text = statement.compile();
  ofTable.set(what, text);
  return text;
}

/** Whether a statement is the same each time it is compiled: a plugin of the application's own may make another of it for each caller. */
export function isCompiledAlike(db: QueryExecutorProvider): boolean {
  return db
    .getExecutor()
    .plugins.every(({ constructor }) =>
      [WithSchemaPlugin, CamelCasePlugin].includes(constructor as never),
    );
}
