/** What the process remembers of each database, by its store's key. */
import type { Store } from "./store.js";

/** Databases that are named by text and remembered at once. The one that was asked for longest ago is forgotten first. */
const mostNamed = 10_000;

type Keyed = Pick<Store, "key">;

interface ByDatabase<State, Of extends Keyed> {
  of(store: Of): State;
}

/** @param make what is remembered of a database at first */
export function byDatabase<State, Of extends Keyed = Keyed>(
  make: (store: Of) => State,
): ByDatabase<State, Of> {
  const byObject = new WeakMap<object, State>();
  const byName = new Map<string, State>();
  return {
    of: (store) => {
      const { key } = store;
      if (typeof key === "object") {
        const known = byObject.get(key) ?? make(store);
        byObject.set(key, known);
        return known;
      }
      const known = byName.get(key) ?? make(store);
      byName.delete(key);
      byName.set(key, known);
      const [oldest] = byName.keys();
      if (byName.size > mostNamed && oldest !== undefined) byName.delete(oldest);
      return known;
    },
  };
}
