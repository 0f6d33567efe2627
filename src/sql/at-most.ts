/** No more rows than so many: most databases are told behind a SELECT, others at its front. */
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
