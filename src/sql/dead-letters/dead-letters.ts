/** The letters in the database: recorded, read, listed, locked and changed. */
import { sql } from "kysely";
import {
  type LetterQuery,
  type LetterStatus,
  type LetterStore,
  type LetterSummary,
  type ListedLetter,
  type Page,
  rowStatesOf,
  type StoredLetter,
  waiting,
} from "../../store/letters.js";
import { parseJson } from "../../wire/parse-json.js";
import { unescapeText } from "../../wire/serialize.js";
import type { Dialect } from "../dialect.js";
import type { OwnTables, OwnTransaction } from "../own-tables/tables.js";
import { atMost, forUpdate } from "../select.js";
import { changeLetters, insertLetter, repeatsLetter, wholeText } from "./changes.js";
import {
  creators,
  dependants,
  follow,
  type Letters,
  lockRoot,
  lockWaiting,
  overtake,
  removeCreatedRows,
} from "./dependants.js";
import {
  following,
  countByCode,
  countWaiting,
  matching,
  rowQueue,
  waitingQueues,
  where,
} from "./queries.js";

export function letterStore(tx: OwnTransaction, dialect: Dialect, place: string): LetterStore {
  const from: Letters = { tx, dialect, place };
  return {
    record: (letter) => insertLetter(tx, dialect, place, letter),
    repeats: (content, root) => repeatsLetter(tx, dialect, place, content, root),
    countWaiting: (...of) => countWaiting(from, ...of),
    countByCode: () => countByCode(from),
    find: (id, lock = false) => find(from, id, lock),
    list: (query, page) => listLetters(from, query, page),
    waitingQueues: (query, until) => waitingQueues(from, query, until),
    lockWaiting: (ids) => lockWaiting(from, ids),
    lockRoot: (id) => lockRoot(from, id),
    dependants: (roots, lock) => dependants(from, roots, lock),
    creators: (hashes, except) => creators(from, hashes, except),
    overtake: (hashes, except) => overtake(from, hashes, except),
    follow: (ids, bytes) => follow(from, ids, bytes),
    attractNoMore: (ids) => removeCreatedRows(tx, ids),
    change: (ids, change) => changeLetters(tx, dialect, ids, change),
  };
}

const summary = [
  "id",
  "status",
  "error_code",
  "message",
  "operation_index",
  "user_id",
  "client_id",
  "queue_id",
  "identity",
  "attempts",
  "table_names",
  "reason",
  "root",
] as const;

const whole = [
  "payload",
  "original_payload",
  "principal",
  "row_hashes",
  "lossy_numbers",
  "overtaken",
] as const;

/** The form of a letter's id. For any other text, the database is not queried. */
const possibleId = /^[\w-]{1,36}$/;

async function find(from: Letters, id: string, locked: boolean): Promise<StoredLetter | undefined> {
  if (typeof id !== "string" || !possibleId.test(id)) return undefined;
  const query = summaries(from).select(whole).where("id", "=", id);
  const row = await (locked ? forUpdate(from.dialect, query) : query).executeTakeFirst();
  if (row === undefined) return undefined;
  const payload = await wholeText(from.tx, id, row.payload, false);
  const original =
    row.original_payload === null
      ? undefined
      : await wholeText(from.tx, id, row.original_payload, true);
  return {
    ...summaryOf(row),
    payload: parseJson(payload),
    ...(original !== undefined && { originalPayload: parseJson(original) }),
    ...(row.principal !== null && { principal: parseJson(row.principal) }),
    ...rowStatesOf(row.row_hashes),
    lossyNumbers: Number(row.lossy_numbers) === 1,
    overtaken: Number(row.overtaken) === 1,
  };
}

async function listLetters(
  from: Letters,
  query: LetterQuery,
  { newest, limit, after }: Page,
): Promise<readonly ListedLetter[]> {
  const { dialect } = from;
  const { types } = dialect;
  const direction = newest ? "desc" : "asc";
  const rows = await where(summaries(from), [
    await matching(dialect, query),
    ...(after === undefined ? [] : [following(after, newest, types)]),
  ])
    .orderBy("created_at", direction)
    .orderBy("id", direction)
    .$call((found) => atMost(dialect, found, limit))
    .execute();
  return rows.map((row) => ({ ...summaryOf(row), queue: rowQueue(row) }));
}

function summaries({ tx, dialect: { types }, place }: Letters) {
  return tx
    .selectFrom("powersync_dead_letters")
    .where("place", "=", place)
    .select(summary)
    .select((eb) => [
      sql<string>`${types.iso(eb.ref("created_at"))}`.as("first_seen"),
      sql<string | null>`${types.iso(eb.ref("last_seen_at"))}`.as("last_seen"),
      sql<string | null>`${types.iso(eb.ref("closed_at"))}`.as("closed"),
      sql<number>`case when ${eb("original_payload", "is", null)} then 0 else 1 end`.as("edited"),
      eb
        .selectFrom("powersync_dead_letters as dependant")
        .select(eb.fn.countAll<string | number | bigint>().as("count"))
        .whereRef("dependant.root", "=", "powersync_dead_letters.id")
        .where("dependant.status", "in", waiting)
        .as("dependants"),
    ]);
}

type SummaryRow = Pick<
  OwnTables["powersync_dead_letters"],
  Exclude<(typeof summary)[number], "status" | "attempts" | "root">
> & {
  readonly root: string | null;
  readonly status: string;
  readonly attempts: number;
  readonly first_seen: string;
  readonly last_seen: string | null;
  readonly closed: string | null;
  readonly edited: number;
  readonly dependants: string | number | bigint | null;
};

function summaryOf(row: SummaryRow): LetterSummary {
  const { client_id, queue_id, operation_index, identity, reason, closed, root } = row;
  return {
    id: row.id,
    status: row.status as LetterStatus,
    userId: unescapeText(row.user_id),
    ...(client_id !== null && { clientId: unescapeText(client_id) }),
    ...(queue_id !== null && { queueId: unescapeText(queue_id) }),
    errorCode: unescapeText(row.error_code),
    message: unescapeText(row.message),
    ...(operation_index !== null && { operationIndex: Number(operation_index) }),
    ...(identity !== null && { identity }),
    tables: (row.table_names ?? "").split(",").filter(Boolean).map(unescapeText),
    attempts: Number(row.attempts),
    firstSeenAt: row.first_seen,
    lastSeenAt: row.last_seen ?? row.first_seen,
    edited: Number(row.edited) === 1,
    ...(root !== null && { root }),
    dependants: Number(row.dependants),
    ...(reason !== null && { reason: unescapeText(reason) }),
    ...(closed !== null && { closedAt: closed }),
  };
}
