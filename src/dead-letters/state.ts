/** Whether a letter waits, and which transaction it holds. */
import { isBadRequest } from "../errors.js";
import type { CrudTransaction } from "../model.js";
import { type LetterStatus, type StoredLetter, waiting } from "../store/letters.js";
import type { Limits } from "../wire/limits.js";
import { typedJson } from "../wire/serialize.js";
import { normalizeUpload } from "../wire/upload.js";
import type { NotFound, NotOpen } from "./types.js";

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
      return { invalid: "A letter holds one transaction: { crud: [...] }." };
    }
    if (!("invalid" in transaction)) return { transaction };
    const { invalid, operationIndex } = transaction;
    return { invalid, ...(operationIndex !== undefined && { operationIndex }) };
  } catch (error) {
    if (isBadRequest(error)) return { invalid: error.message };
    throw error;
  }
}

/** An approximation of what `Chain.bytes` counts. */
export function payloadBytes(letters: readonly StoredLetter[]): number {
  return letters.reduce((bytes, { payload }) => bytes + typedJson(payload).length, 0);
}
