/** How Postgres looks before it writes. */
import { sql } from "kysely";
import type { Target } from "../dialect.js";
import type { Locking } from "../look.js";
import { verdict } from "../statements.js";
import { takenBefore, unsure } from "../doubt.js";
import { meaning, taken } from "./errors.js";

/** Types of which Postgres can't say whether two values are the same, or takes others for it: of boxes it compares the area, of a `citext` no capitals. */
const compared: Readonly<Record<string, "jsonb" | "text">> = {
  json: "jsonb",
  citext: "text",
  xml: "text",
  point: "text",
  line: "text",
  lseg: "text",
  box: "text",
  path: "text",
  polygon: "text",
  circle: "text",
};

/** The transaction's number, and the row's, which has the lower half of one alone. */
const now = sql`pg_current_xact_id()::text::numeric`;
const its = sql`xmin::text::numeric`;
const circle = sql.lit(2 ** 32);

export const locking: Locking = {
  // The weakest that will do: rows that refer to one which stays can still come.
  lock: (verb) => ({ behind: verb === "delete" ? sql`for update` : sql`for no key update` }),
  returning: true,
  text: (reference) => sql`cast(${reference} as text)`,
  // Nothing else keeps two from being inserted at once. Two statements, for what the first has waited for only the next one sees.
  reserve: async (tx, { table, key, traits }) => {
    const names = Object.keys(key);
    if (traits?.keys === undefined || traits.keys.some((each) => isSame(each, names))) return;
    const row = JSON.stringify([table, ...Object.values(key).map(String)]);
    await sql`select pg_advisory_xact_lock(hashtextextended(${row}, 0))`.execute(tx);
  },
  insert: async (tx, target, { values, neverChanges }) => {
    const { table, key, scope, traits } = target;
    const statement = tx.insertInto(table).values({ ...values, ...key });
    try {
      // Without a scope nothing has to come back: that would take the right to read the row.
      if (scope === undefined || traits?.rewritten.has("insert")) {
        const { numInsertedOrUpdatedRows = 0n } = await statement.executeTakeFirst();
        return { count: numInsertedOrUpdatedRows };
      }
      const [row] = await statement.returning(verdict(scope, traits)).execute();
      return row === undefined ? { count: 0n } : { count: 1n, row };
    } catch (error) {
      const ofKey = isOfKey(error, target);
      const { view = false, rowSecurity, readable } = traits ?? {};
      // A view's columns may have other names than those of its table, which the error tells.
      if (meaning(error) !== "UNIQUE_VIOLATION" || !(ofKey || view)) throw error;
      const isBlind = Object.keys(key).some((name) => readable?.has(name) === false);
      if (neverChanges && isBlind) return "hidden";
      // It has been inserted since it was looked for; or it was there before this transaction began, and what was looked for is not what stands there.
      if (takenBefore(target) !== true) throw unsure(target, true);
      if (ofKey && (view || rowSecurity)) return "hidden";
      // A trigger has given the row another key, or it is another constraint of the view's table.
      throw error;
    }
  },
  same: (reference, { type, array }, value) => {
    const { [type]: as } = compared;
    if (as === undefined) return sql`${reference} is not distinct from ${value}`;
    const cast = sql.raw(array ? `${as}[]` : as);
    return sql`cast(${reference} as ${cast}) is not distinct from cast(${value} as ${cast})`;
  },
  version: {
    of: sql`concat(tableoid, ' ', ctid)`,
    // What is under way and can be seen is this transaction's, its savepoints' included.
    ours: sql`pg_xact_status((
      ${now} - mod(${now}, ${circle}) + ${its} + case
        when ${its} - mod(${now}, ${circle}) > ${circle} / 2 then -${circle}
        when mod(${now}, ${circle}) - ${its} > ${circle} / 2 then ${circle}
        else 0
      end
    )::text::xid8) = 'in progress'`,
  },
};

/**
 * Whether there is a row with this key: one that has the key's columns in common, whatever more the constraint holds, as that of a partitioned table
 * does. Of a row that nobody may see no columns are told.
 */
function isOfKey(error: unknown, { key, traits }: Target): boolean {
  const name =
    typeof error === "object" && error !== null && "constraint" in error
      ? String(error.constraint)
      : "";
  const columns = traits?.constraints?.get(name) ?? taken(error);
  return Object.keys(key).every((each) => columns.includes(each));
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
