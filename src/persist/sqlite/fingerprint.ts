/** What a row is like, as SQLite itself says. */
import { type Expression, sql } from "kysely";
import type { Column } from "../dialect.js";

/** Its type and its bytes: text may hold a NUL, which `quote` would take for its end. A number's text has all its digits in `quote` alone. */
export function fingerprint(columns: readonly Column[]): readonly Expression<string | null>[] {
  return columns.map(({ name }) => {
    const column = sql.id(name);
    return sql<string>`case typeof(${column}) when 'real' then quote(${column})
      else typeof(${column}) || hex(${column}) end`;
  });
}
