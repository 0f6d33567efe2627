/** Errors in the form of tedious and with SQL Server's numbers and words, made of SQLite's. */
import { constraints } from "./catalog.js";

/** As tedious has them. */
export class ServerError extends Error {
  readonly code = "EREQUEST";
  readonly number: number;

  constructor(number: number, message: string) {
    super(message);
    this.name = "RequestError";
    this.number = number;
  }
}

export function asServerError(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const { message } = error;
  const [, told = ""] = /^[A-Z ]+ constraint failed: (.*)$/s.exec(message) ?? [];
  const [first = ""] = told.split(", ");
  const [table = "", column = ""] = first.split(".");
  switch (error.code) {
    case "SQLITE_CONSTRAINT_NOTNULL":
      return new ServerError(
        515,
        `Cannot insert the value NULL into column '${column}', table 'test.dbo.${table}'; column does not allow nulls. INSERT fails.`,
      );
    case "SQLITE_CONSTRAINT_PRIMARYKEY":
    case "SQLITE_CONSTRAINT_UNIQUE": {
      const columns = told.split(", ").map((each) => each.slice(table.length + 1));
      return new ServerError(
        2627,
        `Violation of UNIQUE KEY constraint '${nameOf(table, columns)}'. Cannot insert duplicate key in object 'dbo.${table}'. The duplicate key value is (x).`,
      );
    }
    case "SQLITE_CONSTRAINT_CHECK":
      return new ServerError(
        547,
        `The INSERT statement conflicted with the CHECK constraint "${told.startsWith("size") ? "things_size" : told}". The conflict occurred in database "test", table "dbo.things", column 'size'.`,
      );
    case "SQLITE_CONSTRAINT_FOREIGNKEY":
      return new ServerError(
        547,
        `The INSERT statement conflicted with the FOREIGN KEY constraint "FK". The conflict occurred in database "test", table "dbo.lists", column 'id'.`,
      );
    case "SQLITE_CONSTRAINT_TRIGGER":
      return new ServerError(50_001, message);
    case "SQLITE_ERROR":
      return /^no such (?:table|column)/.test(message)
        ? new ServerError(message.startsWith("no such table") ? 208 : 207, message)
        : error;
    default:
      return error;
  }
}

function nameOf(table: string, columns: readonly string[]): string {
  const its = Object.entries(constraints[table] ?? {});
  return its.find(([, of]) => of.join() === columns.join())?.[0] ?? "UQ";
}
