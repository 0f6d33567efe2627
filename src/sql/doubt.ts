/** Writes of which it can't be told what has become: the transaction begins again, and looks first. */
import { Contention } from "../store/failures.js";
import type { Target } from "./dialect.js";
import type { Lessons } from "./traits.js";

/** What was decided when there was no such row is to be decided again. */
export function appeared(): Contention {
  return new Contention("The row was not there when context.stored() was asked, and now it is.");
}

/** More than are ever in doubt at once. */
const mostDoubtful = 1_000;

/**
 * The transaction begins again, and the row is locked and judged first.
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

/** Whether its key was taken of a row that was not found, before this transaction began: then it was not others who came in between. */
export function takenBefore(target: Target): boolean | undefined {
  const { operationIndex, begunAt, lessons } = target;
  const taken = lessons.doubtful.get(nameOf(target));
  return taken?.operationIndex === operationIndex ? taken.at < begunAt : undefined;
}

/** Whether it has been tried before, in a transaction that was given up. */
export function isDoubtful(write: Named, { doubtful }: Lessons): boolean {
  return doubtful.has(nameOf(write));
}

type Named = Pick<Target, "op" | "key">;

/** The write, among those of its table. */
export function nameOf({ op, key }: Named): string {
  return JSON.stringify([op, ...Object.values(key).map(String)]);
}
