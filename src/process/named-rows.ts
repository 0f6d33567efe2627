/** Hashes of the rows that a transaction names, by user and by the client's table and id, as the store keeps them. */
import type { Identifiable } from "../model.js";
import type { ContentNames } from "../store/content.js";
import { canonicalJson, sha256 } from "../wire/serialize.js";
import { isSliceOver, nextSlice, stepsOfLook } from "../wire/slices.js";

/** A transaction that names more rows counts as naming all of its user's rows. */
const mostRows = 1_000;

/** @param owner the user, and the database, because several databases may share the library's tables */
export async function namedRowHashes(
  owner: readonly [userId: string, place: string],
  { crud }: Identifiable,
): Promise<Pick<ContentNames, "rows" | "all">> {
  const all = sha256(["all rows", ...owner]);
  const rows = new Set<string>();
  let entries = 0;
  for (const { table, id } of crud) {
    entries += 1;
    if (entries % stepsOfLook === 0 && isSliceOver()) await nextSlice();
    rows.add(canonicalJson([table ?? null, id ?? null]));
    if (rows.size > mostRows) return { all: await all };
  }
  const hashes = Array.from(rows, (row) => sha256(["row", ...owner, row]));
  return { rows: await Promise.all(hashes), all: await all };
}
