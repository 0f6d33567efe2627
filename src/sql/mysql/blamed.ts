/** Finds out which table, columns or constraint an error of MySQL or MariaDB is about. The message is in the server's language, and quotes names. */
import type { Blamed } from "../../store/failures.js";
import type { SqlTable } from "../dialect.js";

const duplicate: ReadonlySet<number> = new Set([1062, 1169, 1557, 1586, 1859]);
const referred: ReadonlySet<number> = new Set([1217, 1451, 1834]);
const refers: ReadonlySet<number> = new Set([1216, 1452]);
const checks: ReadonlySet<number> = new Set([3819, 4025]);

/** Nothing is left for COMMIT to find. */
export function blamed(error: unknown, table: SqlTable | undefined): Blamed {
  if (table === undefined || !(error instanceof Error) || !("errno" in error))
    return { columns: [] };
  const { columns, traits } = table;
  const { message } = error;
  const errno = Number(error.errno);
  const known = (names: readonly string[]) => names.filter((each) => columns.has(each));
  if (referred.has(errno)) return { columns: [], ...constraintIn(message), referred: true };
  if (refers.has(errno)) {
    const [, behind = ""] = message.split("FOREIGN KEY (", 2);
    const [listed = ""] = behind.split(") REFERENCES ", 1);
    return { columns: known(quotedNames(listed)), ...constraintIn(message) };
  }
  if (duplicate.has(errno)) {
    // The value precedes the key's name, and may contain anything.
    const [, key = ""] = /'([^']*)'[^']*$/.exec(message) ?? [];
    const name = key.slice(key.lastIndexOf(".") + 1);
    return { columns: known(traits?.constraints?.get(name) ?? []), constraint: name };
  }
  if (checks.has(errno)) {
    const [name = ""] = [...message.matchAll(/[`']([^`']+)[`']/g)].map(([, each]) => each ?? "");
    // MariaDB names a column's own check after the column, with its table.
    const own = name.slice(name.indexOf(".") + 1);
    const told = traits?.constraints?.get(name) ?? (columns.has(own) ? [own] : []);
    return { columns: known(told), constraint: name };
  }
  // The value precedes the column, and may contain anything.
  let last: string | undefined;
  let at = -1;
  for (const name of columns.keys()) {
    const place = Math.max(message.lastIndexOf(`'${name}'`), message.lastIndexOf(`\`${name}\``));
    if (place > at) [last, at] = [name, place];
  }
  return { columns: last === undefined ? [] : [last] };
}

function constraintIn(message: string): { readonly constraint?: string } {
  const [, constraint] = /CONSTRAINT `((?:[^`]|``)+)`/.exec(message) ?? [];
  return constraint === undefined ? {} : { constraint: constraint.replaceAll("``", "`") };
}

function quotedNames(listed: string): readonly string[] {
  return [...listed.matchAll(/`((?:[^`]|``)+)`/g)].map(([, name = ""]) =>
    name.replaceAll("``", "`"),
  );
}
