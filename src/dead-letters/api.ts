/** `writes.deadLetters`: lists, compares, edits, retries and discards letters. */
import type { Principal } from "../context.js";
import { badRequest } from "../errors.js";
import type { DeadLetterHandledEvent } from "../events/events.js";
import type { Database, Databases } from "../process/call.js";
import type { Load } from "../process/load.js";
import { toWireTransaction } from "../wire/answer.js";
import { holdsRounded, namedRows, tableNames } from "./payload.js";
import { cursorOf, letterLine, limitOf, positionOf, queryOf } from "./query.js";
import type { RetryParts } from "./chain.js";
import { createRetryLetter } from "./retry.js";
import { letterPrincipal } from "./senders.js";
import type { Rules } from "../pipeline/rules.js";
import type { Store } from "../store/store.js";
import { discardSome, hasVersion, isOpen, notOpenAnswer, readPayload, versionOf } from "./state.js";
import { inUnit } from "../process/classify.js";
import { discardEach, retryEach, walkThrough } from "./bulk.js";
import type { Created } from "./created-rows.js";
import type { DeadLetters, RetryResult } from "./types.js";

interface DeadLettersParts<P extends Principal, DB> extends RetryParts<P, DB> {
  readonly load: Load;
  readonly databases: Databases<P>;
  readonly created: Created;
  readonly rules: Rules<P, DB>;
}

const mostReason = 2_000;

export function createDeadLetters<P extends Principal, DB>(
  parts: DeadLettersParts<P, DB>,
): DeadLetters<P> {
  const { config, rules, rowStateReader, created, emit, limits, load, databases } = parts;
  const retryLetter = createRetryLetter(parts);

  const handled = (id: string, outcome: DeadLetterHandledEvent["outcome"]): void =>
    emit({ type: "dead_letter_handled", correlationId: crypto.randomUUID(), id, outcome });

  const retry = async (
    database: Database,
    id: string,
    options: Parameters<typeof retryLetter>[2],
  ): Promise<RetryResult> => (load.draining() ? stopping : retryLetter(database, id, options));

  /** The principal that sent a letter. `undefined` if it is unknown; an edit then uses only the user id. */
  const senderOf = async (store: Store, id: string): Promise<P | undefined> => {
    const letter = await inUnit(store, ({ letters }) => letters.find(id));
    try {
      return letter && (await letterPrincipal(letter, undefined, config.deadLetters?.principal));
    } catch (error) {
      const correlationId = crypto.randomUUID();
      emit({ type: "error", correlationId, during: "retry", error, outcome: "ignored" });
      return undefined;
    }
  };

  return {
    list: ({ principal, limit, cursor, order = "newest", ...filter } = {}) =>
      load.during(async () => {
        const query = queryOf(filter);
        const size = limitOf(limit, 500, 50);
        const after = positionOf(cursor);
        if (order !== "newest" && order !== "oldest") {
          throw badRequest(400, "The order must be newest or oldest.");
        }
        const page = { newest: order === "newest", limit: size + 1, after };
        const found = await inUnit((await databases.sure(principal)).store, (unit) =>
          unit.letters.list(query, page),
        );
        const letters = found.slice(0, size).map(({ queue: _queue, ...letter }) => letter);
        const last = letters.at(-1);
        return found.length > size && last !== undefined
          ? { letters, next: cursorOf({ at: last.firstSeenAt, id: last.id }) }
          : { letters };
      }),

    count: ({ principal } = {}) =>
      load.during(async () =>
        inUnit((await databases.sure(principal)).store, ({ letters }) => letters.countByCode(), {
          readOnly: true,
        }),
      ),

    get: (id, { principal } = {}) =>
      load.during(async () => {
        const letter = await inUnit((await databases.sure(principal)).store, ({ letters }) =>
          letters.find(id),
        );
        if (letter === undefined) return undefined;
        const { rowStates: _1, lossyNumbers: _2, overtaken: _3, ...shown } = letter;
        return { ...shown, version: await versionOf(letter.payload) };
      }),

    compare: (id, { principal } = {}) =>
      load.during(async () => {
        const { store } = await databases.sure(principal);
        const letter = await inUnit(store, ({ letters }) => letters.find(id));
        if (letter === undefined) return undefined;
        const sender = (await senderOf(store, id)) ?? { userId: letter.userId };
        // Imported on demand, because most processes never compare letters.
        const { compareLetter } = await import("./compare.js");
        return compareLetter(rules, store, letter, sender);
      }),

    edit: (id, payload, { principal, version } = {}) =>
      load.during(async () => {
        checkVersion(version);
        if (holdsRounded(payload)) return roundedMessage;
        const reading = readPayload(payload, limits);
        if ("invalid" in reading) return { status: "invalid", message: reading.invalid };
        const written = toWireTransaction(reading.transaction);
        const { store } = await databases.sure(principal);
        // Found before the transaction begins, because the application's function may query the same database.
        const sender = await senderOf(store, id);
        const result = await inUnit(store, async (unit) => {
          const { letters } = unit;
          const letter = await letters.find(id, true);
          if (!isOpen(letter)) return notOpenAnswer(letter);
          if (!(await hasVersion(letter, version))) return changed;
          const sent = sender ?? { userId: letter.userId };
          const rows = await namedRows(written);
          const rowStates = await rowStateReader.read({ store, unit }, rows, sent);
          const tables = await tableNames(written);
          const creates = await created.ofPayload(
            { open: { store, unit }, principal: sent },
            written,
            reading.transaction.crud.map((each) => ({ sent: each })),
          );
          await letters.change([id], {
            status: "open",
            payload: { value: written, tables, rowStates, creates },
          });
          return { status: "edited" } as const;
        });
        if (result.status === "edited") handled(id, "edited");
        return result;
      }),

    retry: (id, { principal, ...options } = {}) =>
      load.during(async () => {
        checkVersion(options.version);
        return retry(await databases.sure(principal), id, options);
      }),

    discard: (id, reason, { principal, dependants, version } = {}) =>
      load.during(async () => {
        checkReason(reason);
        checkChoice(dependants);
        checkVersion(version);
        const { store } = await databases.sure(principal);
        const [result, ids] = await inUnit(store, async (unit) => {
          const { letters } = unit;
          const letter = await letters.find(id, true);
          if (!isOpen(letter)) return [notOpenAnswer(letter), []] as const;
          if (!(await hasVersion(letter, version))) return [changed, []] as const;
          const { discarded } = await discardSome(unit, [id], reason, dependants);
          if (discarded.length > 0) return [{ status: "discarded" } as const, discarded] as const;
          const { length } = await letters.dependants([id]);
          return [{ status: "has_dependants", dependants: length } as const, []] as const;
        });
        for (const each of ids) handled(each, "discarded");
        return result;
      }),

    retryAll: (filter, { principal, ...options } = {}) =>
      load.during(async () => {
        const { force = false } = options;
        const database = await databases.sure(principal);
        return retryEach(walkThrough(database.store), filter, options, (id) =>
          retry(database, id, { force }),
        );
      }),

    discardAll: (filter, reason, { principal, dependants, ...options } = {}) =>
      load.during(async () => {
        checkReason(reason);
        checkChoice(dependants);
        const { store } = await databases.sure(principal);
        const report = await discardEach(walkThrough(store), filter, options, reason, dependants);
        for (const id of report.ids) handled(id, "discarded");
        return report;
      }),

    export: async function* (filter = {}, { principal } = {}) {
      const query = queryOf(filter);
      const { store } = await databases.sure(principal);
      for await (const { id } of walkThrough(store).letters(query)) {
        const letter = await inUnit(store, ({ letters }) => letters.find(id));
        if (letter === undefined) continue;
        yield letterLine({ ...letter, version: await versionOf(letter.payload) });
      }
    },
  };
}

const stopping: RetryResult = {
  status: "failed",
  retryable: true,
  message: "The server is being stopped.",
};

const changed = { status: "changed" } as const;

const roundedMessage = {
  status: "invalid",
  message:
    "The payload contains an integer beyond 2^53 as a number, which can't hold it exactly. Use a bigint or text.",
} as const;

/** @throws badRequest */
function checkReason(reason: string): void {
  if (typeof reason !== "string" || reason.trim() === "" || reason.length > mostReason) {
    throw badRequest(400, `Give a "reason", in at most ${mostReason} characters.`);
  }
}

/** @throws badRequest */
function checkVersion(version: unknown): void {
  if (version === undefined || [version].flat().every((each) => typeof each === "string")) return;
  throw badRequest(400, "The version must be text, or a list of texts.");
}

/** @throws badRequest */
function checkChoice(choice: unknown): void {
  if (choice === undefined || choice === "discard" || choice === "keep") return;
  throw badRequest(400, '`dependants` must be "discard" or "keep".');
}
