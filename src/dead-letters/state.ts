/** The state of a letter: whether it waits, which transaction and version it holds, and how it is locked and discarded. */
import { isBadRequest } from "../errors.js";
import type { CrudTransaction } from "../model.js";
import { type LetterStatus, type StoredLetter, waiting } from "../store/letters.js";
import type { Limits } from "../wire/limits.js";
import { sha256, typedJson, typedJsonOfLarge } from "../wire/serialize.js";
import { normalizeUpload } from "../wire/upload.js";
import type { NotFound, NotOpen } from "./types.js";
import type { Unit } from "../store/store.js";

interface WithStatus {
  readonly status: LetterStatus;
}

/** Whether the letter exists and waits. */
export function isOpen<L extends WithStatus>(letter: L | undefined): letter is L {
  return letter !== undefined && waiting.includes(letter.status);
}

/** The result for a letter that is not open. */
export function notOpenAnswer(letter: WithStatus | undefined): NotOpen | NotFound {
  return letter === undefined ? { status: "not_found" } : { status: "not_open", is: letter.status };
}

/** A payload's transaction, or what is wrong with the payload. */
type ReadPayload =
  | { readonly transaction: CrudTransaction }
  | { readonly invalid: string; readonly operationIndex?: number };

export function readPayload(payload: unknown, limits: Limits): ReadPayload {
  try {
    const [transaction, ...others] = normalizeUpload(payload, limits).transactions;
    if (transaction === undefined || others.length > 0) {
      return { invalid: "The payload must be one transaction: { crud: [...] }." };
    }
    if (!("invalid" in transaction)) return { transaction };
    const { invalid, operationIndex } = transaction;
    return { invalid, ...(operationIndex !== undefined && { operationIndex }) };
  } catch (error) {
    if (isBadRequest(error)) return { invalid: error.message };
    throw error;
  }
}

/** 128 bits, in hex. */
const versionLength = 32;

/** A digest of the payload in its stored form, which also tells a rounded number from the integer of the same digits. */
export async function versionOf(payload: unknown): Promise<string> {
  return (await sha256(await typedJsonOfLarge(payload))).slice(0, versionLength);
}

/** @param version the versions that the caller has read; `undefined`: any */
export async function hasVersion(
  { payload }: StoredLetter,
  version: string | readonly string[] | undefined,
): Promise<boolean> {
  return version === undefined || [version].flat().includes(await versionOf(payload));
}

/** Why a chain is not retried. */
export interface NoChain {
  /** `moved`: the root has become a dependant. `changed`: the letter does not have the version that was read. */
  readonly kind: "not open" | "moved" | "changed";
}

/** A letter of a chain as the caller has read it. */
export interface SeenLetter {
  readonly id: string;
  readonly version?: string | readonly string[] | undefined;
}

/** The chain's waiting letters, in order, locked until the unit ends. */
export async function lockChain(
  { letters }: Unit,
  rootId: string,
  seen: SeenLetter,
): Promise<readonly StoredLetter[] | NoChain> {
  const root = await letters.find(rootId, true);
  if (!isOpen(root)) return { kind: "not open" };
  if (root.root !== undefined) return { kind: "moved" };
  const chain = [root];
  for (const { id } of await letters.dependants([rootId], true)) {
    const letter = await letters.find(id);
    if (isOpen(letter)) chain.push(letter);
  }
  const letter = chain.find(({ id }) => id === seen.id);
  if (letter !== undefined && !(await hasVersion(letter, seen.version))) return { kind: "changed" };
  return chain;
}

/** Approximately the number that `Chain.bytes` counts. */
export function payloadBytes(letters: readonly StoredLetter[]): number {
  return letters.reduce((bytes, { payload }) => bytes + typedJson(payload).length, 0);
}

/** What happens to a discarded letter's dependants: they are discarded as well, or go on waiting, the first as the root of the others. */
export type WithDependants = "discard" | "keep";

export interface Discarded {
  /** The letters that were discarded, dependants included. */
  readonly discarded: readonly string[];
  /** Roots that were not discarded, because they have dependants and no choice was given. */
  readonly refused: readonly string[];
}

/** Discards those of the letters that still wait. */
export async function discardSome(
  { letters }: Unit,
  ids: readonly string[],
  reason: string,
  choice: WithDependants | undefined,
): Promise<Discarded> {
  const still = new Set(await letters.lockWaiting(ids));
  const wanted = ids.filter((id) => still.has(id));
  if (wanted.length === 0) return { discarded: [], refused: [] };
  const behind = Map.groupBy(await letters.dependants(wanted, true), ({ root }) => root);
  const discarded = new Set<string>();
  const refused: string[] = [];
  const close = async (some: readonly string[]): Promise<void> => {
    await letters.change(some, { closed: { status: "discarded", reason } });
    for (const id of some) discarded.add(id);
  };
  const plain = wanted.filter((id) => !behind.has(id));
  if (plain.length > 0) await close(plain);
  for (const [root, all] of behind) {
    const left = all.map(({ id }) => id).filter((id) => !discarded.has(id));
    if (left.length === 0) await close([root]);
    else if (choice === undefined) refused.push(root);
    else if (choice === "discard") await close([root, ...left]);
    else {
      const chain = await letters.lockRoot(root);
      await close([root]);
      await letters.follow(left, chain?.bytes ?? 0);
      await letters.attractNoMore(left);
    }
  }
  return { discarded: [...discarded], refused };
}
