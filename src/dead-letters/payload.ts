/** Makes dead letters of transactions: the payload, the rows and tables that it names, and the sender. Contains the default `deadLetter` layer. */
import type { Principal } from "../context.js";
import type { CrudTransaction, DeadLetter, InvalidTransaction } from "../model.js";
import type { LayerFunction, Layers } from "../pipeline/layers.js";
import { type OpenUnit, openUnitOf, type Targets } from "../pipeline/operation.js";
import { type NamedRow, rowName } from "../store/letters.js";
import { toWireTransaction } from "../wire/answer.js";
import { membersOf, rowOf } from "../wire/entries.js";
import { canonicalJson, sha256 } from "../wire/serialize.js";
import { isSliceOver, nextSlice, stepsOfLook } from "../wire/slices.js";

/**
 * The default `deadLetter` layer: records the letter in the database transaction that also writes the answer to the ledger. While a letter with
 * the same payload is open, no second one is recorded.
 *
 * @param keepPrincipal whether the letter keeps the whole principal of its sender, and not only the user id
 * @param creates returns the hashes of the rows that the payload would create; see `created-rows.ts`
 */
export function recordLetter<P extends Principal, DB>(
  keepPrincipal: boolean,
  creates: (
    owner: { readonly open: OpenUnit; readonly principal: Principal },
    payload: unknown,
    targets: Targets | undefined,
  ) => Promise<readonly string[]>,
): LayerFunction<Layers<P, DB>["deadLetter"]> {
  return async (letter, context) => {
    const principal = keepPrincipal ? principalText(context.principal) : undefined;
    const { lossyNumbers, attempts: _attempts, ...kept } = letter;
    const open = openUnitOf(context);
    const recorded = await open.unit.letters.record({
      ...kept,
      creates: await creates({ open, principal: context.principal }, letter.payload, open.targets),
      subject: await sha256(letter.userId),
      content: await contentHash(letter),
      ...(principal !== undefined && { principal }),
      tables: await tableNames(letter.payload),
      lossyNumbers: lossyNumbers === true && holdsRounded(letter.payload),
    });
    return { ...letter, ...recorded };
  };
}

/** A letter's payload: the transaction in its wire form or, if it was refused as invalid, exactly what was sent. */
export function payloadOf(transaction: CrudTransaction | InvalidTransaction): unknown {
  return "invalid" in transaction ? transaction.raw : toWireTransaction(transaction);
}

/** Letters with the same hash are one letter: the same sender sent the same payload. */
export function contentHash({
  userId,
  clientId,
  queueId,
  payload,
}: Omit<DeadLetter, "id">): Promise<string> {
  return sha256([userId, clientId ?? null, queueId ?? null, payload]);
}

/** The most UTF-16 code units of all table names together. An invalid payload may name any number of tables, with names of any length. */
const mostOfTables = 16 * 1024;

/** The client's tables that a payload names, up to `mostOfTables`. */
export async function tableNames(payload: unknown): Promise<readonly string[]> {
  const names = new Set((await namedRows(payload)).map(({ table }) => table));
  let room = mostOfTables;
  return [...names].filter((name) => {
    if (name.length >= room) return false;
    room -= name.length + 1;
    return true;
  });
}

/** The entries of a payload in any of the envelopes. Read them with `rowOf`, because those of an invalid payload may be any values. */
export function entriesOf(payload: unknown): readonly unknown[] {
  const { crud, batch } = membersOf(payload);
  return [crud, batch].find((each) => Array.isArray(each)) ?? [];
}

/** The rows that a payload names, each once. Works in slices, because a payload may have been refused for its number of entries. */
export async function namedRows(payload: unknown): Promise<readonly NamedRow[]> {
  const named = new Map<string, NamedRow>();
  for (const [index, entry] of entriesOf(payload).entries()) {
    if (index % stepsOfLook === 0 && isSliceOver()) await nextSlice();
    const { table, id } = rowOf(entry);
    if (typeof table !== "string" || typeof id !== "string") continue;
    named.set(rowName({ table, id }), { table, id });
  }
  return [...named.values()];
}

export function eachRowOnce(rows: readonly NamedRow[]): readonly NamedRow[] {
  const once = new Map(rows.map(({ table, id }) => [rowName({ table, id }), { table, id }]));
  return [...once.values()];
}

/** Whether a value contains an integer beyond 2^53 as a number. Its parser may have rounded it. */
export function holdsRounded(root: unknown): boolean {
  const open: unknown[] = [root];
  const seen = new Set<unknown>();
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "number") {
      if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21)
        return true;
    } else if (typeof value === "object" && value !== null && !seen.has(value)) {
      seen.add(value);
      // Pushed one by one, because a spread of too many arguments overflows the stack.
      for (const member of Object.values(value)) open.push(member);
    }
  }
  return false;
}

const mostCharacters = 64 * 1024;
const mostValues = 10_000;

/** The principal as JSON. `undefined` if JSON does not restore the same value, or if the text is too large. */
function principalText(principal: unknown): string | undefined {
  if (!isPlainJson(principal)) return undefined;
  const text = canonicalJson(principal);
  return text.length > mostCharacters ? undefined : text;
}

/** Whether JSON restores the same value. It does not restore an instance of a class. */
function isPlainJson(root: unknown): boolean {
  const open: unknown[] = [root];
  for (let count = 0; open.length > 0; count += 1) {
    // This also ends the walk through a value that contains itself.
    if (count > mostValues) return false;
    const value = open.pop();
    if (typeof value === "object" && value !== null) {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
        return false;
      for (const member of Object.values(value)) open.push(member);
    } else if (!isScalar(value)) return false;
  }
  return true;
}

function isScalar(value: unknown): boolean {
  switch (typeof value) {
    case "number":
      // An integer beyond 2^53 would be read as a bigint.
      return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    case "bigint":
      return !Number.isSafeInteger(Number(value));
    case "string":
    case "boolean":
    case "undefined":
      return true;
    default:
      return value === null;
  }
}

/** Returns a new id: a UUID of version 7, greater than every id that the function has returned before. */
export type NextId = () => string;

export function createNextId(now: () => number = Date.now): NextId {
  let last = 0;
  let count = 0;
  return () => {
    const ms = Math.max(now(), last);
    count = ms > last ? Math.floor(Math.random() * 0x400) : count + 1;
    last = ms;
    if (count > 0xfff) {
      last += 1;
      count = 0;
    }
    const time = last.toString(16).padStart(12, "0");
    const [, , , variant, random] = crypto.randomUUID().split("-");
    const counted = count.toString(16).padStart(3, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counted}-${variant}-${random}`;
  };
}
