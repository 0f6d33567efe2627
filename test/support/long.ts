/** How much of what is random or a product of lists a run tries: `npm run test:long` sets `LONG=1`, and tries all of it. */
export const long = process.env["LONG"] === "1";

/** One of so many parts of a list, and all of it where `long` is set. As many turns that follow each other meet the whole list between them. */
export function partOf<T>(list: readonly T[], turn: number, parts = 3): readonly T[] {
  return long ? list : list.filter((_, index) => (index + turn) % parts === 0);
}
