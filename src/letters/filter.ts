/** A filter, and the beginning of a page, as SQL. */
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from "kysely";
import { tableName } from "../dead-letter.js";
import { escapeText } from "../json.js";
import type { OwnTables } from "../own/own-tables.js";
import type { OwnTypes } from "../persist/dialect.js";
import type { Position, Wanted } from "./wanted.js";

type Letters = ExpressionBuilder<OwnTables, "powersync_dead_letters">;
export type Condition = (eb: Letters) => Expression<SqlBool>;

/** @param subject the hash of `userId` */
export function matches(wanted: Wanted, subject: string | undefined, types: OwnTypes): Condition {
  const { status, userId, clientId, errorCode, table, since, until } = wanted;
  return (eb) =>
    eb.and([
      ...(status === undefined ? [] : [eb("status", "in", status)]),
      ...(userId === undefined || subject === undefined
        ? []
        : [
            eb.or([
              eb("subject", "=", subject),
              // In letters of the first form.
              eb.and([eb("subject", "is", null), eb("user_id", "=", escapeText(userId))]),
            ]),
          ]),
      ...(clientId === undefined ? [] : [eb("client_id", "=", escapeText(clientId))]),
      ...(errorCode === undefined ? [] : [eb("error_code", "=", escapeText(errorCode))]),
      ...(table === undefined ? [] : [naming(eb, table)]),
      ...(since === undefined ? [] : [eb("created_at", ">=", time(types, since))]),
      ...(until === undefined ? [] : [eb("created_at", "<", time(types, until))]),
    ]);
}

/** In every database's words, and letter by letter: LIKE is not the same everywhere, nor is any function that finds text. */
function naming(eb: Letters, table: string): Expression<SqlBool> {
  const column = eb.ref("table_names");
  return sql<SqlBool>`replace(${column}, ${`,${tableName(table)},`}, '') <> ${column}`;
}

/** Behind a letter, in the order of the page. */
export function behind({ at, id }: Position, newest: boolean, types: OwnTypes): Condition {
  const [before, past] = [time(types, at), newest ? ("<" as const) : (">" as const)];
  return (eb) =>
    eb.or([
      eb("created_at", past, before),
      eb.and([eb("created_at", "=", before), eb("id", past, id)]),
    ]);
}

function time(types: OwnTypes, iso: string): Expression<Date> {
  return sql<Date>`${types.at(iso)}`;
}
