/** Writes that changed nothing for an unknown reason: the transaction is run again, with the row locked first. */
import { Contention } from "../store/failures.js";
import type { Target } from "./dialect.js";
import type { Lessons } from "./traits.js";

/** The application may have decided on the row's absence, so the transaction must run again. */
export function appeared(): Contention {
  return new Contention("The row was not there when context.stored() was asked, and now it is.");
}

/** How many writes are remembered: more than can be in doubt at the same time. */
const mostDoubtful = 1_000;

/**
 * Makes the transaction run again, with the row locked and judged first.
 *
 * @param taken its key turned out to be taken, though no row was found
 */
export function unsure(target: Target, taken = false): Contention {
  const { doubtful } = target.lessons;
  if (doubtful.size >= mostDoubtful) doubtful.clear();
  const { operationIndex } = target;
  doubtful.set(nameOf(target), taken ? { at: performance.now(), operationIndex } : undefined);
  return new Contention("The statement changed nothing, and it can't be told why.");
}

/** Whether the key was found taken before this transaction began, although no row is visible: then no concurrent insert is the reason. */
export function takenBefore(target: Target): boolean | undefined {
  const { operationIndex, begunAt, lessons } = target;
  const taken = lessons.doubtful.get(nameOf(target));
  return taken?.operationIndex === operationIndex ? taken.at < begunAt : undefined;
}

/** Whether the write was tried before, in a transaction that was rolled back. */
export function isDoubtful(write: Named, { doubtful }: Lessons): boolean {
  return doubtful.has(nameOf(write));
}

type Named = Pick<Target, "op" | "key">;

/** Names the write among those of its table. */
export function nameOf({ op, key }: Named): string {
  return JSON.stringify([op, ...Object.values(key).map(String)]);
}
