/** How much of what is random or a product of lists a run tries: `npm run test:long` sets `LONG=1`, and tries all of it. */
export const long = process.env["LONG"] === "1";

/** A third of a list, and all of it where `long` is set. Three turns that follow each other meet the whole list between them. */
export function third<T>(list: readonly T[], turn: number): readonly T[] {
  return long ? list : list.filter((_, index) => (index + turn) % 3 === 0);
}
