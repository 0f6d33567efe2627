/** Writes Kysely's `Database` type for the tables, as TypeScript text. */
import type { DatabaseKind } from "../database-url.js";
import type { Source, SourceColumn } from "./source.js";

/** Returns the interface, with a member for each table. */
export function databaseType(kind: DatabaseKind, sources: readonly Source[]): string {
  const tables = sources.map(({ name, columns }) => {
    const members = columns.map(
      (column) => `    ${propertyName(column.name)}: ${typeOf(kind, column)};\n`,
    );
    return `  ${propertyName(name)}: {\n${members.join("")}  };\n`;
  });
  return `export interface Database {\n${tables.join("")}}\n`;
}

export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** Whether the type needs Kysely's `Generated`, or `GeneratedAlways`. */
export function generatedTypes(sources: readonly Source[]): readonly string[] {
  const columns = sources.flatMap((source) => source.columns);
  return [
    ...(columns.some((column) => isDefaulted(column)) ? ["Generated"] : []),
    ...(columns.some(({ generated }) => generated) ? ["GeneratedAlways"] : []),
  ];
}

function isDefaulted({ generated, hasDefault, numbered }: SourceColumn): boolean {
  return !generated && (hasDefault || numbered !== undefined);
}

function typeOf(kind: DatabaseKind, column: SourceColumn): string {
  const { array, nullable, generated } = column;
  const one = elementType(kind, column);
  const many = array ? (one.includes(" ") ? `(${one})[]` : `${one}[]`) : one;
  const type = nullable && many !== "unknown" ? `${many} | null` : many;
  if (generated) return `GeneratedAlways<${type}>`;
  return isDefaulted(column) ? `Generated<${type}>` : type;
}

/** The type as which the usual drivers read the column. */
function elementType(kind: DatabaseKind, { type, members }: SourceColumn): string {
  if (members !== undefined && members.length > 0) {
    return members.map((member) => JSON.stringify(member)).join(" | ");
  }
  switch (kind) {
    case "postgres":
      if (/^(?:int2|int4|float4|float8|oid)$/.test(type)) return "number";
      if (type === "bool") return "boolean";
      if (/^(?:timestamp|timestamptz|date)$/.test(type)) return "Date";
      if (/^jsonb?$/.test(type)) return "unknown";
      return type === "bytea" ? "Uint8Array" : "string";
    case "mysql":
      if (/^(?:tinyint|smallint|mediumint|int|bigint|float|double|year|boolean)$/.test(type)) {
        return "number";
      }
      if (/^(?:timestamp|datetime|date)$/.test(type)) return "Date";
      if (type === "json") return "unknown";
      return /blob|binary/.test(type) ? "Uint8Array" : "string";
    case "mssql":
      if (/^(?:tinyint|smallint|int|decimal|numeric|money|smallmoney|float|real)$/.test(type)) {
        return "number";
      }
      if (type === "bit") return "boolean";
      if (/date|^time$/.test(type)) return "Date";
      return /binary|^image$|^rowversion$/.test(type) ? "Uint8Array" : "string";
    case "sqlite":
      if (/int|bool|bit|real|floa|doub|num|dec/.test(type)) return "number";
      if (type === "") return "unknown";
      return /blob|binary|bytea/.test(type) ? "Uint8Array" : "string";
  }
}
