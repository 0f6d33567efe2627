/** Records, counts, lists, reads and changes dead letters. */
import {
  type LetterChange,
  type LetterQuery,
  type LetterStore,
  type NewLetter,
  type Page,
  waiting,
  type WaitingLetters,
} from "../store/letters.js";
import { canonicalJson, escapeText, typedJsonOfLarge, unescapeText } from "../wire/serialize.js";
import { nextInChain, openChains, sameInChain } from "./chains.js";
import {
  before,
  later,
  matching,
  notBehind,
  stillWaits,
  timeText,
  insertTexts,
  removeTexts,
  setAside,
  queueOf,
  summaryOf,
  wholeLetter,
} from "./letter-documents.js";
import type { LetterDocument } from "./own-collections.js";
import type { Sending } from "./commands.js";

export function openLetters(sending: Sending): LetterStore {
  const { own, on, send } = sending;
  const { letters } = own;
  return {
    record: (letter) => record(sending, letter),
    repeats: async (content, root) =>
      (root === undefined
        ? await send(() =>
            letters.findOne({ repeated: content }, { ...on, projection: { _id: 1 } }),
          )
        : await sameInChain(sending, root, content)) != null,
    countWaiting: async (subject, clientId, most) => {
      // A chain counts as one letter.
      const filter = { subject, ...stillWaits, root: null };
      const projection = { clientId: 1, size: 1, bytes: 1 };
      const limit = Number.isFinite(most) ? { limit: most } : {};
      const ofUser = await send(() =>
        letters.find(filter, { ...on, projection, ...limit }).toArray(),
      );
      const client = clientId === undefined ? null : escapeText(clientId);
      return {
        ofUser: counted(ofUser),
        ofClient: counted(ofUser.filter((each) => each.clientId === client)),
      };
    },
    countByCode: async () => {
      const pipeline = [
        { $match: stillWaits },
        { $group: { _id: "$errorCode", letters: { $sum: 1 } } },
      ];
      const found = await send(() =>
        letters.aggregate<{ _id: string; letters: number }>(pipeline, on).toArray(),
      );
      return Object.fromEntries(
        found.map(({ _id, letters: count }) => [unescapeText(_id), Number(count)]),
      );
    },
    find: async (id, lock = false) => {
      if (typeof id !== "string") return undefined;
      if (lock) await send(() => letters.updateOne({ _id: id }, { $inc: { locks: 1 } }, on));
      const letter = await send(() => letters.findOne({ _id: id }, on));
      return letter === null ? undefined : wholeLetter(sending, letter);
    },
    list: async (query, page) => {
      const found = await listed(sending, query, page);
      const roots = found.map(({ _id }) => _id);
      const behind = { root: { $in: roots }, ...stillWaits };
      const all = await send(() =>
        letters.find(behind, { ...on, projection: { root: 1 } }).toArray(),
      );
      return found.map((letter) => ({
        ...summaryOf(letter, all.filter(({ root }) => root === letter._id).length),
        queue: queueOf(letter),
      }));
    },
    waitingQueues: async (query, until) => {
      const filter = { $and: [matching({ ...query, status: waiting }), notBehind(until)] };
      const projection = { userId: 1, clientId: 1, queueId: 1 };
      const found = await send(() => letters.find(filter, { ...on, projection }).toArray());
      return [...new Set(found.map(queueOf))];
    },
    change: async (ids, change) => {
      const filter = { _id: { $in: [...ids] }, ...stillWaits };
      const found = await send(() => letters.find(filter, on).toArray());
      for (const letter of found) await changeOne(sending, letter, change);
    },
    ...openChains(sending),
  };
}

async function record(sending: Sending, letter: NewLetter): ReturnType<LetterStore["record"]> {
  const { own, on, send, now } = sending;
  const { letters } = own;
  const { id, root, content, errorCode, message, operationIndex, rowStates, creates } = letter;
  const payload = await typedJsonOfLarge(letter.payload);
  const at = timeText(now);
  const place =
    root === undefined ? undefined : await nextInChain(sending, root, content, payload.length);
  const same =
    place === undefined
      ? await send(() => letters.findOne({ repeated: content }, on))
      : (place.same ?? null);
  const failure = {
    errorCode: escapeText(errorCode),
    message: escapeText(message),
    operationIndex: operationIndex ?? null,
  };
  if (same !== null) {
    const update = {
      $set: { ...failure, lastSeenAt: at, attempts: same.attempts + 1 },
      $addToSet: { creates: { $each: [...creates] } },
    };
    await send(() => letters.updateOne({ _id: same._id }, update, on));
    return { id: same._id, attempts: same.attempts + 1 };
  }
  const text = (value: string | undefined) => (value === undefined ? null : escapeText(value));
  const document: LetterDocument = {
    _id: id,
    status: "open",
    ...failure,
    userId: escapeText(letter.userId),
    subject: letter.subject,
    clientId: text(letter.clientId),
    queueId: text(letter.queueId),
    identity: letter.identity ?? null,
    content,
    ...(root === undefined && { repeated: content }),
    tables: letter.tables.map(escapeText),
    lossyNumbers: letter.lossyNumbers,
    attempts: 1,
    firstSeenAt: at,
    lastSeenAt: at,
    closedAt: null,
    reason: null,
    edited: false,
    overtaken: false,
    size: payload.length,
    creates: [...new Set(creates)],
    root: root ?? null,
    position: place?.position ?? 0,
    last: 0,
    bytes: 0,
    unique: root !== undefined,
    locks: 0,
  };
  await send(() => letters.insertOne(document, on));
  const { principal } = letter;
  const states = rowStates && canonicalJson(rowStates);
  await insertTexts(sending, id, { payload, principal, rowStates: states });
  return { id, attempts: 1 };
}

async function changeOne(
  sending: Sending,
  letter: LetterDocument,
  { status, closed, failed, payload, rowStates }: LetterChange,
): Promise<void> {
  const { own, on, send, now } = sending;
  const { _id } = letter;
  const at = timeText(now);
  const set: Record<string, unknown> = {};
  if (status !== undefined) set["status"] = status;
  if (closed !== undefined) {
    const { reason } = closed;
    Object.assign(set, { status: closed.status, closedAt: at, creates: [] });
    if (reason !== undefined) set["reason"] = escapeText(reason);
  }
  if (failed !== undefined) {
    Object.assign(set, { attempts: letter.attempts + 1, lastSeenAt: at });
    const { error } = failed;
    if (error !== undefined)
      Object.assign(set, {
        errorCode: escapeText(error.errorCode),
        message: escapeText(error.message),
        operationIndex: error.operationIndex ?? null,
      });
  }
  if (payload !== undefined) {
    const { value, tables, creates, rowStates: states } = payload;
    const text = await typedJsonOfLarge(value);
    await setAside(sending, _id, !letter.edited);
    await insertTexts(sending, _id, { payload: text, rowStates: states && canonicalJson(states) });
    Object.assign(set, {
      edited: true,
      size: letter.size + text.length,
      tables: tables.map(escapeText),
      creates: [...new Set(creates)],
      lossyNumbers: false,
      overtaken: false,
    });
  }
  if (rowStates !== undefined) {
    await removeTexts(sending, [_id], ["rowStates"]);
    await insertTexts(sending, _id, { rowStates: canonicalJson(rowStates) });
  }
  const update = {
    $set: set,
    $inc: { locks: 1 },
    ...(closed !== undefined && { $unset: { repeated: "" as const } }),
  };
  await send(() => own.letters.updateOne({ _id }, update, on));
}

function listed(
  { own, on, send }: Sending,
  query: LetterQuery,
  { newest, limit, after }: Page,
): Promise<readonly LetterDocument[]> {
  const behind = after && (newest ? before(after) : later(after));
  const filter = { $and: [matching(query), ...(behind ? [behind] : [])] };
  const order = newest ? -1 : 1;
  const sort = { firstSeenAt: order, _id: order } as const;
  const projection = { creates: 0 };
  return send(() => own.letters.find(filter, { ...on, sort, limit, projection }).toArray());
}

function counted(letters: readonly Pick<LetterDocument, "size" | "bytes">[]): WaitingLetters {
  return {
    letters: letters.length,
    bytes: letters.reduce((sum, { size, bytes }) => sum + Number(size) + Number(bytes), 0),
  };
}
