/**
 * Row statements for databases where an upsert fires on any unique key, or nothing can be returned: the row is locked and judged, then changed.
 * Meant for READ COMMITTED, where the lock on a row that is not there locks no gap.
 */
import type { Connection, Meaning } from "./dialect.js";
import {
  Contention,
  type Effect,
  isRow,
  nonEmpty,
  probe,
  type RowStatements,
  type Target,
  type Values,
} from "./rows.js";

export function lockingRows(meaning: (error: unknown) => Meaning | undefined): RowStatements {
  return {
    put: async (tx, target, values) => {
      const stored = await probe(tx, target, true);
      if (stored === "foreign") return "foreign";
      if (stored === "written") await update(tx, target, values);
      else await insert(tx, target, values, meaning);
      return after(tx, target);
    },
    patch: async (tx, target, values) => {
      if (target.scope === undefined) return update(tx, target, values);
      const stored = await probe(tx, target, true);
      if (stored !== "written") return stored;
      await update(tx, target, values);
      return after(tx, target);
    },
    softDelete: (tx, target, values) => judgedFirst(tx, target, () => update(tx, target, values)),
    remove: (tx, target) =>
      judgedFirst(tx, target, async () => {
        const { numDeletedRows } = await tx
          .deleteFrom(target.table)
          .where(isRow(target))
          .executeTakeFirst();
        return numDeletedRows > 0n ? "written" : "absent";
      }),
  };
}

async function judgedFirst(
  tx: Connection,
  target: Target,
  statement: () => Promise<Effect>,
): Promise<Effect> {
  const stored = target.scope === undefined ? "written" : await probe(tx, target, true);
  return stored === "written" ? statement() : stored;
}

async function update(tx: Connection, target: Target, values: Values): Promise<Effect> {
  const { numUpdatedRows } = await tx
    .updateTable(target.table)
    .set(nonEmpty(target.key, values))
    .where(isRow(target))
    .executeTakeFirst();
  // A driver may count only the rows that are other than before (mysql2 without its flag FOUND_ROWS).
  return numUpdatedRows > 0n ? "written" : probe(tx, { ...target, scope: undefined });
}

async function insert(
  tx: Connection,
  target: Target,
  values: Values,
  meaning: (error: unknown) => Meaning | undefined,
): Promise<void> {
  try {
    await tx
      .insertInto(target.table)
      .values({ ...values, ...target.key })
      .execute();
  } catch (error) {
    // Is it the key that has been taken in the meantime, or another unique value? Either way nothing more is written.
    // A lock sees the newest row, also where the transaction reads from an older snapshot.
    const taken = meaning(error) === "UNIQUE_VIOLATION";
    if (taken && (await probe(tx, { ...target, scope: undefined }, true)) === "written") {
      throw new Contention("The row has just been inserted by another transaction.");
    }
    throw error;
  }
}

async function after(tx: Connection, target: Target): Promise<Effect> {
  if (target.scope === undefined) return "written";
  return (await probe(tx, target)) === "written" ? "written" : "left";
}
