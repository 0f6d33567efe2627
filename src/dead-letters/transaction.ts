/** A database transaction about letters, tried again where others were in the way. */
import { classify } from "../process/classify.js";
import { isTriedAgain } from "../process/retry.js";
import type { Store, Unit } from "../store/store.js";

/** Rejects with the database's errors, and with what `work` throws. */
export type InTransaction = <T>(store: Store, work: (unit: Unit) => Promise<T>) => Promise<T>;

export const inTransaction: InTransaction = async (store, work) => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await store.unit({}, work);
    } catch (error) {
      if (!(await isTriedAgain(classify(error, store, false), attempt, { store }))) throw error;
    }
  }
};
