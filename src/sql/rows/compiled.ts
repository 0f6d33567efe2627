/** Statements that are compiled once: their texts, with placeholders for the values that differ each time. */
import {
  CamelCasePlugin,
  type Compilable,
  type CompiledQuery,
  type QueryExecutorProvider,
  WithSchemaPlugin,
} from "kysely";
import type { Values } from "../../store/store.js";
import type { Texts } from "./target.js";

/** Represents a value in a statement that is compiled once. */
export class Placeholder {
  readonly of: "values" | "key" | "scope" | "fixed" | "claim";
  readonly name: string;

  constructor(of: Placeholder["of"], name: string) {
    this.of = of;
    this.name = name;
  }
}

/** A value, or what stands for it in a statement that is compiled once. */
export type Parameter<T> = T | Placeholder;

/** The same columns, with placeholders as their values. */
export function placeholders(of: Placeholder["of"], columns: Values): Values {
  return Object.fromEntries(Object.keys(columns).map((name) => [name, new Placeholder(of, name)]));
}

/** How many texts are kept for one table. Clients may send any combination of columns. */
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

/** Whether a statement is the same each time it is compiled. The application's own plugins may change it for each caller. */
export function isCompiledAlike(db: QueryExecutorProvider): boolean {
  return db
    .getExecutor()
    .plugins.every(({ constructor }) =>
      [WithSchemaPlugin, CamelCasePlugin].includes(constructor as never),
    );
}
