/** Who wrote the latest versions of a row, so that a device's own writes are no conflict for it: one entry for each row of tables that count versions. */
import type { Batch, Pruned, PruneStep } from "../../store/bookkeeping.js";
import type { MergedChange, VersionRecord } from "../../store/change.js";
import { sha256 } from "../../wire/serialize.js";
import type { Dialect } from "../dialect.js";
import { insertOrChange, removeOfUser, removeOld } from "../own-tables/rows.js";
import { forUpdate } from "../select.js";
import type { LedgerTables } from "./devices.js";

const versionsTable = { table: "powersync_versions", key: "hash" } as const;

type Written = Pick<MergedChange, "table" | "key">;

/** The versions of the rows that one transaction writes. An entry is only written after the row itself, whose lock the transaction then holds. */
export interface Versions {
  /** @param latest reads the current entry, even if the transaction reads from an older snapshot */
  find(row: Written, latest?: true): Promise<VersionRecord | undefined>;
  enter(row: Written, record: VersionRecord, subject: string): Promise<void>;
  remove(row: Written): Promise<void>;
}

/** @param asLogin runs statements as the role that owns the library's tables */
export function versionsIn(
  { tx, place }: Omit<LedgerTables, "own">,
  dialect: Dialect,
  asLogin: <T>(run: () => Promise<T>) => Promise<T>,
): Versions {
  const hashOf = ({ table, key }: Written) =>
    sha256(["version", place, table.name, ...Object.values(key).map(String)]);
  return {
    find: async (row, latest) => {
      const hash = await hashOf(row);
      const asked = tx
        .selectFrom("powersync_versions")
        .select(["writer", "version", "since"])
        .where("hash", "=", hash);
      const found = await asLogin(() =>
        (latest ? forUpdate(dialect, asked) : asked).executeTakeFirst(),
      );
      if (found === undefined) return undefined;
      const { writer, version, since } = found;
      return { writer, version: BigInt(version), since: BigInt(since) };
    },
    enter: async (row, { writer, version, since }, subject) => {
      const hash = await hashOf(row);
      const written = {
        writer,
        subject,
        version: version.toString(),
        since: since.toString(),
        written_at: dialect.types.now,
      };
      const into = { tx, table: "powersync_versions", key: ["hash"] } as const;
      await asLogin(() =>
        insertOrChange(dialect, into, [{ hash, place, ...written }], () => written),
      );
    },
    remove: async (row) => {
      const hash = await hashOf(row);
      await asLogin(() => tx.deleteFrom("powersync_versions").where("hash", "=", hash).execute());
    },
  };
}

export async function pruneVersions(
  tx: LedgerTables["tx"],
  dialect: Dialect,
  step: PruneStep,
): Promise<Pruned> {
  return removeOld(tx, dialect, { ...versionsTable, at: "written_at" }, step);
}

/** Deletes at most `most` rows of a user. */
export async function forgetVersions(
  { tx, place }: Omit<LedgerTables, "own">,
  dialect: Dialect,
  subject: string,
  most: number,
): Promise<Batch> {
  return removeOfUser(tx, dialect, versionsTable, { place, subject }, most);
}
