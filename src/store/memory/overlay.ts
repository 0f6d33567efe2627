/** A map as one unit sees it: what has been committed, and over it what the unit has changed. */

export interface Overlay<K, V extends object> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
  /** In the order in which they were first set. */
  entries(): Iterable<readonly [K, V]>;
  /** Call what it gives to undo what has been changed since. */
  mark(): () => void;
  commit(): void;
}

export function overlay<K, V extends object>(committed: Map<K, V>): Overlay<K, V> {
  let changes = new Map<K, V | undefined>();
  return {
    get: (key) => (changes.has(key) ? changes.get(key) : committed.get(key)),
    set: (key, value) => void changes.set(key, value),
    delete: (key) => void changes.set(key, undefined),
    *entries() {
      for (const [key, value] of committed) {
        const seen = changes.has(key) ? changes.get(key) : value;
        if (seen !== undefined) yield [key, seen];
      }
      for (const [key, value] of changes) {
        if (value !== undefined && !committed.has(key)) yield [key, value];
      }
    },
    mark: () => {
      const kept = new Map(changes);
      return () => {
        changes = new Map(kept);
      };
    },
    commit: () => {
      for (const [key, value] of changes) {
        if (value === undefined) committed.delete(key);
        else committed.set(key, value);
      }
      changes = new Map();
    },
  };
}
