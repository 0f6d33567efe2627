/** What a dead letter keeps of a transaction: the payload, the rows and tables that it names, its sender; and the default `deadLetter` layer. */
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
 * The default `deadLetter`: records the letter in the transaction that also enters the answer in the ledger. A payload whose letter is still
 * open makes no second one.
 *
 * @param keepPrincipal whether the letter says who sent it beyond the user id
 * @param creates what the payload would create: see `created.ts`
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

/** What a letter holds of a transaction: its words on the wire; of one that was refused, what came. */
export function payloadOf(transaction: CrudTransaction | InvalidTransaction): unknown {
  return "invalid" in transaction ? transaction.raw : toWireTransaction(transaction);
}

/** What makes two letters the same one. */
export function contentHash({
  userId,
  clientId,
  queueId,
  payload,
}: Omit<DeadLetter, "id">): Promise<string> {
  return sha256([userId, clientId ?? null, queueId ?? null, payload]);
}

/** UTF-16 code units. What can't be understood may name anything. */
const mostOfTables = 16 * 1024;

/** The client's tables that a payload names, as far as they fit. */
export async function tableNames(payload: unknown): Promise<readonly string[]> {
  const names = new Set((await namedRows(payload)).map(({ table }) => table));
  let room = mostOfTables;
  return [...names].filter((name) => {
    if (name.length >= room) return false;
    room -= name.length + 1;
    return true;
  });
}

/** The entries of a payload, in whatever shape the transaction came, for `rowOf`. Of what could not be understood, whatever is there. */
export function entriesOf(payload: unknown): readonly unknown[] {
  const { crud, batch } = membersOf(payload);
  return [crud, batch].find((each) => Array.isArray(each)) ?? [];
}

/** Each row once. In slices, like all that reads the entries of what may have been refused for their number. */
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

/** Whether a value holds one: whoever parsed it may have rounded it. */
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
      // One by one: a call takes no more arguments than the stack has room for.
      for (const member of Object.values(value)) open.push(member);
    }
  }
  return false;
}

const mostCharacters = 64 * 1024;
const mostValues = 10_000;

/** Its JSON; `undefined` where that would not be the same value again, or is too large. */
function principalText(principal: unknown): string | undefined {
  if (!isPlainJson(principal)) return undefined;
  const text = canonicalJson(principal);
  return text.length > mostCharacters ? undefined : text;
}

/** Nothing but what JSON can say. Instances of classes have more to them than their members. */
function isPlainJson(root: unknown): boolean {
  const open: unknown[] = [root];
  for (let count = 0; open.length > 0; count += 1) {
    // Whatever contains itself ends here, too.
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
      // A whole number beyond 2^53 would come back as a bigint.
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

/** The next id: a uuid of version 7, greater than all before it from here. */
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
