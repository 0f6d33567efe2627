/** Closes letters without writing anything, and handles their dependants. */
import type { Unit } from "../store/store.js";

/** What happens to a discarded letter's dependants: they are discarded as well, or go on waiting, the first as the root of the others. */
export type WithDependants = "discard" | "keep";

export interface Discarded {
  /** The letters that were discarded, dependants included. */
  readonly discarded: readonly string[];
  /** Roots that were left alone because they have dependants and no choice was given. */
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
