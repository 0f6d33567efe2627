/** The rows that a transaction names, as the store keeps them: by the client's table and id, and of one user. */
import type { Identifiable } from "../model.js";
import type { ContentNames } from "../store/content.js";
import { canonicalJson, sha256 } from "../wire/serialize.js";
import { createSlices } from "../wire/slices.js";

/** Who names more, names all. */
const mostRows = 1_000;
/** How many entries are looked at before the clock is. */
const entriesOfStep = 500;

/** @param owner the user, and which of the databases that share the library's tables is meant */
export async function namedRows(
  owner: readonly [userId: string, place: string],
  { crud }: Identifiable,
): Promise<Pick<ContentNames, "rows" | "all">> {
  const all = sha256(["all rows", ...owner]);
  const slices = createSlices();
  const rows = new Set<string>();
  let entries = 0;
  for (const { table, id } of crud) {
    entries += 1;
    if (entries % entriesOfStep === 0 && slices.isOver()) await slices.next();
    rows.add(canonicalJson([table ?? null, id ?? null]));
    if (rows.size > mostRows) return { all: await all };
  }
  const hashes = Array.from(rows, (row) => sha256(["row", ...owner, row]));
  return { rows: await Promise.all(hashes), all: await all };
}
