/** Limits the rows of a SELECT: in most databases at its end, in others at its beginning. */
import type { Dialect } from "./dialect.js";

interface Bounded<Q> {
  limit(rows: number): Q;
  top(rows: number): Q;
}

export function atMost<Q extends Bounded<Q>>(
  { top }: Pick<Dialect, "top">,
  query: Q,
  most: number,
): Q {
  return top === true ? query.top(most) : query.limit(most);
}
