/** Creates the names of one case. They differ from those of every other case and run, so that no table needs to be emptied in between. */
import type { Entry, Given, Limits } from "./case.js";

/** Counts for all cases of a run, so that each number is used once. */
export interface Counter {
  next(): number;
}

/** Starts at a random number, so that two runs are unlikely to use the same numbers. */
export function createCounter(): Counter {
  let last = Math.floor(Math.random() * 2 ** 50);
  return {
    next: () => {
      last += 1;
      return last;
    },
  };
}

/** @param made called with every row id, so that the rows can be removed at the end */
export function createGiven(
  table: string,
  limits: Limits,
  counter: Counter,
  made: (id: string, name: string) => void,
): Given {
  const mark = crypto.randomUUID().slice(0, 13);
  const known = new Map<string, string>();
  const named = (kind: string, name: string, make: () => string): string => {
    const key = `${kind} ${name}`;
    const value = known.get(key) ?? make();
    known.set(key, value);
    return value;
  };
  const id = (name: string): string =>
    named("id", name, () => {
      const uuid = crypto.randomUUID();
      made(uuid, name);
      return uuid;
    });
  const code = (name: string): string => `${mark} ${name}`;
  const entry = (op: Entry["op"], name: string, op_data?: Entry["op_data"]): Entry => ({
    op,
    table,
    id: id(name),
    ...(op_data !== undefined && { op_data }),
  });
  const put = (name: string, columns: Entry["op_data"] = {}): Entry => entry("PUT", name, columns);
  const patch = (name: string, columns: Entry["op_data"] = {}): Entry =>
    entry("PATCH", name, columns);
  const tx = (...entries: readonly object[]) => {
    const transaction_id = counter.next();
    return { transaction_id, crud: entries.map((each) => ({ ...each, transaction_id })) };
  };
  return {
    table,
    limits,
    id,
    code,
    // An odd number that a double can't represent exactly.
    big: (name) =>
      named("big", name, () => String(2n ** 60n + (BigInt(counter.next()) << 8n) + 33n)),
    device: (name) => `${mark} ${name}`,
    put,
    patch,
    del: (name) => entry("DELETE", name),
    tx,
    numbered: (...entries) => tx(...entries.map((each) => ({ ...each, op_id: counter.next() }))),
    once: (name) => [
      put(`${name} first`, { code: code(name) }),
      patch(`${name} first`, { code: code(`${name} moved`) }),
      put(`${name} second`, { code: code(name) }),
    ],
  };
}
