/** What the process remembers about each database, by its store's key. */
import type { Store } from "./store.js";

/** The most databases with a text as their key that are remembered at once. The least recently used one is forgotten first. */
const mostNamed = 10_000;

type Keyed = Pick<Store, "key">;

interface ByDatabase<State, Of extends Keyed> {
  of(store: Of): State;
}

/** @param make makes the initial state for a database */
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
