/** `writes.deadLetters`: what is asked of the letters, each in transactions of its own. */
import type { Kysely, Transaction } from "kysely";
import { toWireTransaction } from "../wire/answer.js";
import { tableNames } from "../sql/letter-insert.js";
import { badRequest } from "../errors.js";
import type { DeadLetterHandledEvent } from "../events.js";
import { typedJson } from "../wire/json.js";
import type { Principal } from "../pipeline/layers.js";
import type { Connection } from "../sql/dialect.js";
import type { Transit } from "../http/load.js";
import { createWalk, discardEach, retryEach } from "./bulk.js";
import { holdsRounded, namedRows } from "./payload.js";
import { createRetryLetter, type RetryParts, transactionOf } from "./retry.js";
import { change, find, list } from "../sql/dead-letters.js";
import { cursorOf, limitOf, positionOf, waiting, wantedOf } from "./query.js";
import { letterLine } from "./wire.js";
import type { DeadLetters, NotFound, NotOpen, RetryResult } from "./types.js";
import { begin, type TransactionSettings } from "../sql/transaction.js";
import { classify } from "../process/classify.js";
import type { Again } from "../process/retry.js";

interface DeadLettersParts<P extends Principal, DB> extends RetryParts<P, DB> {
  readonly transit: Transit;
  /** Rejects with a TypeError where nobody says whose. */
  readonly databaseFor: (principal: P | undefined) => Promise<Kysely<DB>>;
}

const mostReason = 2_000;

export function createDeadLetters<P extends Principal, DB>(
  parts: DeadLettersParts<P, DB>,
): DeadLetters<P> {
  const { rowStateReader, again, emit, settings, limits, transit, databaseFor } = parts;
  const retryLetter = createRetryLetter(parts);

  const inTransaction = createInTransaction(settings, again);

  const handled = (id: string, outcome: DeadLetterHandledEvent["outcome"]): void =>
    emit({ type: "dead_letter_handled", correlationId: crypto.randomUUID(), id, outcome });

  const retry = async (
    database: Kysely<DB>,
    id: string,
    options: Parameters<typeof retryLetter>[2],
  ): Promise<RetryResult> => (transit.draining() ? stopping : retryLetter(database, id, options));

  const walk = createWalk(inTransaction, settings.own);

  return {
    list: ({ principal, limit, cursor, order = "newest", ...filter } = {}) =>
      transit.during(async () => {
        const wanted = wantedOf(filter);
        const size = limitOf(limit, 500, 50);
        const after = positionOf(cursor);
        if (order !== "newest" && order !== "oldest") {
          throw badRequest(400, "The order must be newest or oldest.");
        }
        const page = { newest: order === "newest", limit: size + 1, after };
        const found = await inTransaction(await databaseFor(principal), (tx) =>
          list(settings.own.on(tx), wanted, page),
        );
        const letters = found.slice(0, size).map(({ queue: _queue, ...letter }) => letter);
        const last = letters.at(-1);
        return found.length > size && last !== undefined
          ? { letters, next: cursorOf({ at: last.firstSeenAt, id: last.id }) }
          : { letters };
      }),

    get: (id, { principal } = {}) =>
      transit.during(async () => {
        const letter = await inTransaction(await databaseFor(principal), (tx) =>
          find(settings.own.on(tx), id),
        );
        if (letter === undefined) return undefined;
        const { rowStates: _rowStates, lossyNumbers: _lossyNumbers, ...shown } = letter;
        return shown;
      }),

    edit: (id, payload, { principal } = {}) =>
      transit.during(async () => {
        if (holdsRounded(payload)) return rounded;
        const reading = transactionOf(payload, limits);
        if ("invalid" in reading) return { status: "invalid", message: reading.invalid };
        const written = toWireTransaction(reading.transaction);
        const result = await inTransaction(await databaseFor(principal), async (tx) => {
          const own = settings.own.on(tx);
          const refused = refusal(await find(own, id, true));
          if (refused !== undefined) return refused;
          const rows = await rowStateReader.read(tx as unknown as Connection, namedRows(written));
          const text = typedJson(written);
          await change(own, [id], {
            status: "open",
            payload: { text, tables: tableNames(written), rows },
          });
          return { status: "edited" } as const;
        });
        if (result.status === "edited") handled(id, "edited");
        return result;
      }),

    retry: (id, { principal, ...options } = {}) =>
      transit.during(async () => retry(await databaseFor(principal), id, options)),

    discard: (id, reason, { principal } = {}) =>
      transit.during(async () => {
        checkReason(reason);
        const result = await inTransaction(await databaseFor(principal), async (tx) => {
          const own = settings.own.on(tx);
          const refused = refusal(await find(own, id, true));
          if (refused !== undefined) return refused;
          await change(own, [id], { closed: { status: "discarded", reason } });
          return { status: "discarded" } as const;
        });
        if (result.status === "discarded") handled(id, "discarded");
        return result;
      }),

    retryAll: (filter, { principal, ...options } = {}) =>
      transit.during(async () => {
        const { force = false } = options;
        const database = await databaseFor(principal);
        return retryEach(walk(database), filter, options, (id) => retry(database, id, { force }));
      }),

    discardAll: (filter, reason, { principal, ...options } = {}) =>
      transit.during(async () => {
        checkReason(reason);
        const database = await databaseFor(principal);
        const report = await discardEach(walk(database), filter, options, reason);
        for (const id of report.ids) handled(id, "discarded");
        return report;
      }),

    export: async function* (filter = {}, { principal } = {}) {
      const wanted = wantedOf(filter);
      const database = await databaseFor(principal);
      for await (const { id } of walk(database).letters(wanted)) {
        const letter = await inTransaction(database, (tx) => find(settings.own.on(tx), id));
        if (letter !== undefined) yield letterLine(letter);
      }
    },
  };
}

const stopping: RetryResult = {
  status: "failed",
  retryable: true,
  message: "The server is being stopped.",
};

const rounded = {
  status: "invalid",
  message:
    "An integer beyond 2^53 is a number here, which can't hold it exactly: use a bigint, or text.",
} as const;

function refusal(
  letter: { readonly status: NotOpen["is"] } | undefined,
): NotOpen | NotFound | undefined {
  if (letter === undefined) return { status: "not_found" };
  return waiting.includes(letter.status) ? undefined : { status: "not_open", is: letter.status };
}

/** @throws badRequest */
function checkReason(reason: string): void {
  if (typeof reason !== "string" || reason.trim() === "" || reason.length > mostReason) {
    throw badRequest(400, `Say why, in at most ${mostReason} characters: "reason".`);
  }
}

// A database transaction about letters, tried again where others were in the way.
/** Rejects with the database's errors, and with what `run` throws. */
export type InTransaction = <DB, T>(
  database: Kysely<DB>,
  run: (tx: Transaction<DB>) => Promise<T>,
) => Promise<T>;

export function createInTransaction(settings: TransactionSettings, again: Again): InTransaction {
  return async (database, run) => {
    const { signal } = new AbortController();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await begin(database, settings, run);
      } catch (error) {
        if (!(await again(classify(error, database, false), attempt, { database, signal })))
          throw error;
      }
    }
  };
}
