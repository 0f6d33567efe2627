/** What the process remembers of each database, by its store's key. */
import type { Store } from "./store.js";

/** Databases that are named by text and remembered at once. The one that was asked for longest ago is forgotten first. */
const mostNamed = 10_000;

interface ByDatabase<State> {
  of(store: Pick<Store, "key">): State;
}

/** @param make what is remembered of a database at first */
export function byDatabase<State>(make: () => State): ByDatabase<State> {
  const byObject = new WeakMap<object, State>();
  const byName = new Map<string, State>();
  return {
    of: ({ key }) => {
      if (typeof key === "object") {
        const known = byObject.get(key) ?? make();
        byObject.set(key, known);
        return known;
      }
      const known = byName.get(key) ?? make();
      byName.delete(key);
      byName.set(key, known);
      const [oldest] = byName.keys();
      if (byName.size > mostNamed && oldest !== undefined) byName.delete(oldest);
      return known;
    },
  };
}
