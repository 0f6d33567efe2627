/** Which store a caller's data goes to, and by what the process remembers it. */
import type { Principal } from "../context.js";
import type { DatabaseOption, KeyedDatabase } from "../config.js";
import type { Store } from "../store/store.js";

/** Makes a store of what the configuration gives. Rejects with a TypeError for what is no database that the library supports. */
export type OpenStore = (database: object, key: object | string) => Promise<Store>;

export interface Databases<P extends Principal> {
  /** Throws what the application's own function throws. */
  of(principal: P): Promise<Store>;
  /** The same where it may not be known whose: `undefined` without a principal, where the database depends on one. */
  whose(principal: P | undefined): Promise<Store | undefined>;
  /** @throws TypeError where the database depends on the principal, and there is none */
  sure(principal: P | undefined): Promise<Store>;
}

export function createDatabases<P extends Principal, DB>(
  database: DatabaseOption<P, DB>,
  open: OpenStore,
): Databases<P> {
  const opened = new WeakMap<object, Promise<Store>>();

  /** One store for each object, so that the object is what the process remembers by. */
  const byItself = (given: object): Promise<Store> => {
    if (isStore(given)) return Promise.resolve(given);
    const known = opened.get(given) ?? open(given, given);
    opened.set(given, known);
    return known;
  };

  const of = async (principal: P): Promise<Store> => {
    if (typeof database === "function") return byItself(await database(principal));
    if (!isKeyed(database)) return byItself(database);
    const key: unknown = database.key(principal);
    if (typeof key !== "string") throw new TypeError("database: `key` must give a string.");
    return open(await database.open(principal), key);
  };

  const whose = async (principal: P | undefined): Promise<Store | undefined> => {
    if (principal !== undefined) return of(principal);
    return typeof database === "function" || isKeyed(database) ? undefined : byItself(database);
  };

  return {
    of,
    whose,
    sure: async (principal) => {
      const store = await whose(principal);
      if (store === undefined) {
        throw new TypeError("`database` depends on the principal: say whose by `{ principal }`.");
      }
      return store;
    },
  };
}

export function isStore(given: object): given is Store {
  return "unit" in given && typeof given.unit === "function";
}

export function isKeyed<P extends Principal, DB>(
  given: DatabaseOption<P, DB>,
): given is KeyedDatabase<P, DB> {
  return typeof given === "object" && "open" in given && typeof given.open === "function";
}
