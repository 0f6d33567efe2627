/** A letter's payload as the transaction that it is. */
import type { CrudTransaction } from "../crud.js";
import { isBadRequest } from "../errors.js";
import type { Limits } from "../limits.js";
import { normaliseUpload } from "../wire.js";

/** Says what is wrong where it is none. */
export type Reading =
  | { readonly transaction: CrudTransaction }
  | { readonly invalid: string; readonly operationIndex?: number };

export function transactionOf(payload: unknown, limits: Limits): Reading {
  try {
    const [transaction, ...others] = normaliseUpload(payload, limits).transactions;
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
