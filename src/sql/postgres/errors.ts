/** What an error of Postgres means for a write, by its SQLSTATE. */
import type { Blamed, Meaning } from "../../store/failures.js";
import type { SqlTable } from "../table.js";

/** SQLSTATEs by meaning. Two characters mean a class: every code in it that is not listed elsewhere, including codes of extensions and triggers. */
export const sqlstates: Readonly<Record<Meaning, readonly string[]>> = {
  NOT_NULL_VIOLATION: ["23502"],
  UNIQUE_VIOLATION: ["23505"],
  FOREIGN_KEY_VIOLATION: ["23001", "23503"],
  // 44000: WITH CHECK OPTION.
  CHECK_VIOLATION: ["23514", "44000"],
  // P0001: RAISE EXCEPTION, with which a trigger refuses a row.
  CONSTRAINT_VIOLATION: ["23", "P0001"],
  // 54000 and 54001: the value exceeds a limit, such as the size of an index row.
  INVALID_DATA: ["22", "54000", "54001"],
  // The sequence's limit: the table has no number left, and the row's data is not to blame.
  exhausted: ["2200H"],
  contention: ["40001", "40P01", "72000"],
  busy: ["55006", "55P03"],
  schema: [
    "0A000",
    "26000",
    "3F000",
    "42703",
    "42704",
    "42804",
    "42846",
    "42883",
    "42P01",
    "42P10",
  ],
  generated: ["428C9"],
  permission: ["42501"],
  outage: [
    "08",
    "53",
    "57",
    "58",
    "25006",
    "25P03",
    "25P04",
    "28000",
    "28P01",
    "3D000",
    "40003",
    "XX001",
    "XX002",
  ],
  // 57014: a statement took too long or was canceled, while the database is up.
  other: ["57014"],
};

const meanings = new Map(
  Object.entries(sqlstates).flatMap(([meaning, codes]) =>
    codes.map((code) => [code, meaning as Meaning] as const),
  ),
);

/** `undefined`: the error does not come from the server. */
export function meaning(error: unknown): Meaning | undefined {
  const [code, category] = codes(error);
  if (code === undefined || category === undefined) return undefined;
  // A view's column that is an expression.
  if (code === "0A000" && (error as ServerError).routine === "rewriteTargetView")
    return "generated";
  return (
    meanings.get(code) ?? meanings.get(category) ?? meaningByOrigin(code, error as ServerError)
  );
}

export function codes(error: unknown): readonly string[] {
  if (typeof error !== "object" || error === null || !("code" in error)) return [];
  const { code } = error;
  return typeof code === "string" && isSqlstate(code) ? [code, code.slice(0, 2)] : [];
}

/** Error fields of the protocol: where in the server's source the error was raised, and where in the statement it is. */
interface ServerError {
  readonly file?: unknown;
  readonly routine?: unknown;
  readonly position?: unknown;
  readonly internalPosition?: unknown;
}

/**
 * An unlisted code comes from the application if RAISE made it. Extensions and poolers have their own codes, too, and some of those errors pass. The
 * parsers of some types only report "syntax error" (`tsquery`, `ltree`) or "internal error" (`hstore`, PostGIS) for an invalid value.
 */
function meaningByOrigin(code: string, error: ServerError): Meaning {
  const { routine, position, internalPosition } = error;
  const file = typeof error.file === "string" ? error.file : "";
  if (routine === "exec_stmt_raise" && file === "pl_exec.c") return "CONSTRAINT_VIOLATION";
  // For an error in the statement's own text, the parser reports a position. A value has none, because it is a parameter.
  const ofStatement = position !== undefined || internalPosition !== undefined;
  if (code === "42601" && file !== "" && !ofStatement && !parsesStatements.test(file)) {
    return "INVALID_DATA";
  }
  return code === "XX000" && parsesValues.test(file) ? "INVALID_DATA" : "other";
}

const parsesStatements =
  /^(?:postgres\.c|scan\.l|gram\.y|parser\.c|analyze\.c|parse_\w+\.c|pl_\w+\.[cly])$/;
/** Source files by name: a type's input and output, and errors of PostGIS's own library. */
const parsesValues = /(?:_io|_?inout|^lwgeom_pg)\.c$/;

/** EPIPE of a socket has the form of an SQLSTATE. Node's other codes have other lengths. */
function isSqlstate(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE";
}

/** The columns that a unique constraint's error names; none for an expression. The words around them are in the server's language. */
export function taken(error: unknown): readonly string[] {
  const detail =
    typeof error === "object" && error !== null && "detail" in error ? String(error.detail) : "";
  const start = detail.indexOf("(") + 1;
  const names = detail.slice(start, Math.max(start, detail.indexOf(")=(", start)));
  return names.split(", ").map((name) => name.replace(/^"(.*)"$/s, "$1").replaceAll('""', '"'));
}

/** The error names no column for a domain's check, and for a value that a type refuses. */
export function blamed(error: unknown, known: SqlTable | undefined): Blamed {
  const { table, column, constraint } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const name = typeof constraint === "string" ? { constraint } : {};
  const own = typeof constraint === "string" ? known?.traits?.constraints?.get(constraint) : [];
  const told = typeof column === "string" ? [column] : taken(error).filter((each) => each !== "");
  if (known === undefined)
    return { ...(typeof table === "string" && { table }), columns: told, ...name };
  // The error may be about another table, to which a trigger writes. A partition's constraints have their own names.
  if (table !== known.source.name && !own?.length) {
    const referred = codes(error)[0] === "23503" || codes(error)[0] === "23001";
    return { columns: [], ...name, ...(referred && { referred }) };
  }
  const columns = typeof column === "string" || !own?.length ? told : own;
  return { columns: columns.filter((each) => known.columns.has(each)), ...name };
}
