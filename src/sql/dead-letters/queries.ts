/** The conditions of a query for letters, and how many letters wait. */
import {
  type Expression,
  type ExpressionBuilder,
  type SelectQueryBuilder,
  sql,
  type SqlBool,
} from "kysely";
import { type LetterQuery, type LetterStore, type Position, waiting } from "../../store/letters.js";
import { escapeText, sha256 } from "../../wire/serialize.js";
import type { Dialect } from "../dialect.js";
import type { OwnTypes } from "../family.js";
import type { OwnTables } from "../own-tables/tables.js";
import { atMost } from "../select.js";
import { tableName } from "./changes.js";
import type { Letters } from "./dependants.js";

export async function countByCode({
  tx,
  place,
}: Letters): Promise<Readonly<Record<string, number>>> {
  const rows = await tx
    .selectFrom("powersync_dead_letters")
    .select(({ fn }) => ["error_code", fn.countAll().as("letters")])
    .where("place", "=", place)
    .where("status", "in", waiting)
    .groupBy("error_code")
    .execute();
  return Object.fromEntries(rows.map(({ error_code, letters }) => [error_code, Number(letters)]));
}

/** A chain counts as one letter, with all its bytes. Counts up to `most`, so that the time is limited however many letters there are. */
export async function countWaiting(
  { tx, dialect, place }: Letters,
  subject: string,
  clientId: string | undefined,
  most: number,
): ReturnType<LetterStore["countWaiting"]> {
  const open = tx
    .selectFrom("powersync_dead_letters")
    .select(["client_id", sql<number>`${sql.ref("bytes")} + ${sql.ref("chain_bytes")}`.as("bytes")])
    .where("place", "=", place)
    .where("subject", "=", subject)
    .where("status", "in", waiting)
    .where("root", "is", null)
    .$if(most !== Infinity, (query) => atMost(dialect, query, most));
  const client = clientId === undefined ? null : escapeText(clientId);
  const row = await tx
    .selectFrom(open.as("open"))
    .select((eb) => {
      const { sum } = eb.fn;
      const ofClient = (value: Expression<number>) =>
        sql<number>`case when ${eb("client_id", "=", client)} then ${value} else 0 end`;
      return [
        sum<Counted>(sql<number>`1`).as("letters"),
        sum<Counted>("bytes").as("bytes"),
        sum<Counted>(ofClient(sql`1`)).as("client_letters"),
        sum<Counted>(ofClient(eb.ref("bytes"))).as("client_bytes"),
      ];
    })
    .executeTakeFirstOrThrow();
  return {
    ofUser: { letters: Number(row.letters), bytes: Number(row.bytes) },
    ofClient: { letters: Number(row.client_letters), bytes: Number(row.client_bytes) },
  };
}

/** In the form that the driver returns; NULL if there is none. */
type Counted = string | number | bigint | null;

/** The queues that have a waiting letter at or before this one. */
export async function waitingQueues(
  { tx, dialect, place }: Letters,
  query: LetterQuery,
  until: Position,
): Promise<readonly string[]> {
  const { types } = dialect;
  const rows = await where(
    tx
      .selectFrom("powersync_dead_letters")
      .select(["user_id", "client_id", "queue_id"])
      .distinct()
      .where("place", "=", place),
    [
      await matching(dialect, { ...query, status: waiting }),
      (eb) => eb.not(following(until, false, types)(eb)),
    ],
  ).execute();
  return rows.map(rowQueue);
}

export function rowQueue(row: {
  readonly user_id: string;
  readonly client_id: string | null;
  readonly queue_id: string | null;
}): string {
  return JSON.stringify([row.user_id, row.client_id, row.queue_id]);
}

type LetterExpressions = ExpressionBuilder<OwnTables, "powersync_dead_letters">;
type Condition = (eb: LetterExpressions) => Expression<SqlBool>;

export async function matching({ types }: Dialect, query: LetterQuery): Promise<Condition> {
  const { userId } = query;
  const subject = userId === undefined ? undefined : await sha256(userId);
  return matches(query, subject, types);
}

export function where<O>(
  query: SelectQueryBuilder<OwnTables, "powersync_dead_letters", O>,
  conditions: readonly Condition[],
) {
  return query.where((eb) => eb.and(conditions.map((condition) => condition(eb))));
}

/** @param subject the hash of `userId` */
function matches(query: LetterQuery, subject: string | undefined, types: OwnTypes): Condition {
  const { status, clientId, errorCode, table, root, since, until } = query;
  return (eb) =>
    eb.and([
      ...(status === undefined ? [] : [eb("status", "in", status)]),
      ...(subject === undefined ? [] : [eb("subject", "=", subject)]),
      ...(clientId === undefined ? [] : [eb("client_id", "=", escapeText(clientId))]),
      ...(errorCode === undefined ? [] : [eb("error_code", "=", escapeText(errorCode))]),
      ...(table === undefined ? [] : [namesTable(eb, table)]),
      ...(root === undefined ? [] : [eb("root", "=", root)]),
      ...(since === undefined ? [] : [eb("created_at", ">=", timeParameter(types, since))]),
      ...(until === undefined ? [] : [eb("created_at", "<", timeParameter(types, until))]),
    ]);
}

/** Compares substrings, which works in every database: LIKE and functions that search a text differ between them. */
function namesTable(eb: LetterExpressions, table: string): Expression<SqlBool> {
  const column = eb.ref("table_names");
  return sql<SqlBool>`replace(${column}, ${`,${tableName(table)},`}, '') <> ${column}`;
}

/** The letters that follow one, in the order of the page. */
export function following({ at, id }: Position, newest: boolean, types: OwnTypes): Condition {
  const [before, past] = [timeParameter(types, at), newest ? ("<" as const) : (">" as const)];
  return (eb) =>
    eb.or([
      eb("created_at", past, before),
      eb.and([eb("created_at", "=", before), eb("id", past, id)]),
    ]);
}

function timeParameter(types: OwnTypes, iso: string): Expression<Date> {
  return sql<Date>`${types.at(iso)}`;
}
