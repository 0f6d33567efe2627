/** Writes with a hand on their dead letters, and transactions that end as some. */
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import type { TestDatabase } from "./databases.js";
import type { TestSchema } from "./schema.js";
import { testConfig, type TestPrincipal } from "./writes.js";

export const alice = { principal: { userId: "alice" } };
export const bob = { principal: { userId: "bob" } };

export type TestWritesConfig = WritesConfig<TestPrincipal, TestSchema>;

export function writesWithEvents(
  db: TestDatabase["db"],
  config: Partial<TestWritesConfig> | object = {},
) {
  const events: WriteEvent[] = [];
  const writes = createWrites<TestPrincipal, TestSchema>({
    ...testConfig(db),
    onEvent: (event) => void events.push(event),
    ...config,
  } as TestWritesConfig);
  const errors = () => events.flatMap((event) => (event.type === "error" ? [event] : []));
  return { writes, events, errors, letters: writes.deadLetters };
}

/** The nth uuid. */
export const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** A transaction of one client's, its operations numbered from `opId` on. */
export function from(clientId: string, opId: number, ...crud: readonly object[]) {
  return {
    client_id: clientId,
    crud: crud.map((entry, index) => ({ op_id: opId + index, ...entry })),
  };
}

export const put = (table: string, id: string, op_data: object = {}) => ({
  op: "PUT",
  table,
  id,
  op_data,
});
export const patch = (table: string, id: string, op_data: object) => ({
  op: "PATCH",
  table,
  id,
  op_data,
});

/** Fatal while the thing is there with a size that no thing may have. */
export const badThing = (id: string) => put("things", id, { size: -1 });
export const goodThing = (id: string, size = 1) => put("things", id, { size });

export async function lines(exported: AsyncIterable<string>): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const line of exported) all.push(line);
  return all;
}
