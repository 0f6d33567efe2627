/** The test tables in the memory store, which is held to the same cases as the databases are. */
import { createWrites } from "../../src/index.js";
import {
  type MemoryScope,
  type MemoryStore,
  memoryStore,
  type MemoryTables,
} from "../../src/store/memory.js";
import type { StoredLetter } from "../../src/store/letters.js";
import { escapeText } from "../../src/wire/serialize.js";
import { isChosen } from "./chosen.js";
import type { Row } from "./databases.js";
import { appTableNames, rowOrder } from "./schema.js";
import type { AppTable, OpenTarget, OpenTargetOptions, Target } from "./target.js";
import { auditRules, byName, plainRules, type TestPrincipal } from "./writes.js";

export const memoryTables: MemoryTables = {
  lists: {
    columns: {
      id: "uuid",
      name: "text",
      owner_id: "text",
      created_at: "timestamp",
      settings: "json",
      labels: { type: "text", array: true },
    },
  },
  todos: {
    columns: {
      id: "uuid",
      list_id: "uuid",
      description: { type: "text", nullable: false },
      completed: "boolean",
      position: "float",
      created_at: "timestamp",
    },
    references: { list_id: { table: "lists", onDelete: "cascade" } },
  },
  things: {
    columns: {
      id: "uuid",
      code: { type: "text", length: 8 },
      amount: { type: "decimal", precision: 12, scale: 2 },
      size: "integer",
      big: "bigint",
      parent_id: "uuid",
      stock: { type: "integer", nullable: false, default: 1 },
      doubled: {
        type: "integer",
        generated: ({ size }) => (size === null ? null : Number(size) * 2),
      },
    },
    unique: [["code"]],
    references: { parent_id: { table: "things", deferred: true } },
    check: ({ size }) => size === null || Number(size) >= 0,
  },
  members: {
    columns: { list_id: "uuid", user_name: { type: "text", length: 40 }, role: "text" },
    key: ["list_id", "user_name"],
  },
  authors: {
    columns: {
      number: { type: "integer", generated: "increment" },
      uuid: { type: "uuid", nullable: false },
      name: "text",
    },
    key: ["number"],
    unique: [["uuid"]],
  },
  books: {
    columns: {
      number: { type: "integer", generated: "increment" },
      uuid: { type: "uuid", nullable: false },
      title: "text",
      author: "integer",
    },
    key: ["number"],
    unique: [["uuid"]],
    references: { author: "authors" },
  },
};

/** As `auditSql` has it. */
const auditTable: MemoryTables[string] = {
  columns: {
    id: "uuid",
    owner_id: { type: "text", nullable: false },
    code: { type: "text", length: 64 },
    big: "bigint",
    size: "integer",
    note: "text",
  },
  unique: [["code"], ["big"]],
  check: ({ size }) => size === null || Number(size) >= 0,
};

/** As `testConfig`, with the one rule that holds SQL in the memory store's words. */
export function memoryConfig(store: MemoryStore) {
  return {
    authenticate: byName,
    database: store,
    tables: {
      ...plainRules,
      todos: {
        scope:
          (_: unknown, { principal }: { principal: TestPrincipal }): MemoryScope =>
          (todo, rows) =>
            rows("lists").some(
              ({ id, owner_id }) => id === todo["list_id"] && owner_id === principal.userId,
            ),
      },
    },
  };
}

export const memoryTarget: Target = {
  name: "memory",
  deferred: true,
  parentsFirst: false,
  concurrent: false,
  available: async () => isChosen("memory"),
  open: async (options) => openMemory(options),
};

function openMemory({
  foreignKeys = true,
  deferredKeys = true,
}: OpenTargetOptions = {}): OpenTarget {
  const unbound = Object.entries(memoryTables).map(([name, table]) => [
    name,
    { ...table, references: {} },
  ]);
  const tables = foreignKeys ? memoryTables : (Object.fromEntries(unbound) as MemoryTables);
  const things = {
    ...(memoryTables["things"] as MemoryTables[string]),
    references: { parent_id: "things" },
  };
  const store = memoryStore({
    tables: { ...tables, ...(!deferredKeys && { things }), powersync_audit: auditTable },
  });
  const { counted, answered } = countingClaims(store);
  return {
    writes: ({ audit = false, ...options } = {}) => {
      const config = memoryConfig(counted);
      const tables = { ...config.tables, ...(audit && auditRules) };
      return createWrites({ ...config, tables, logger: false, ...options });
    },
    prepareAudit: async () => {},
    auditRows: async () => store.rows("powersync_audit").length,
    reset: () => store.clear(),
    insert: (rows) =>
      store.transaction((tx) => {
        for (const table of appTableNames.toReversed()) {
          for (const row of rows[table] ?? []) tx.insert(table, row);
        }
      }),
    change: async (table, id, to) => {
      await store.transaction((tx) =>
        to === null ? tx.delete(table, { id }) : tx.update(table, { id }, to),
      );
    },
    rows: async (table, ids) =>
      store
        .rows(table)
        .map(asJson)
        .filter(({ id }) => ids === undefined || ids.includes(String(id)))
        .toSorted((a, b) => (orderOf(table, a) < orderOf(table, b) ? -1 : 1)),
    letters: async (userIds) =>
      store
        .letters()
        .filter(({ userId }) => userIds === undefined || userIds.includes(userId))
        .map(columnsOf),
    answered: async () => answered(),
    close: async () => {},
  };
}

/** What the ledger knows is not to be seen from outside. It is what has been claimed for the first time, and committed. */
function countingClaims(store: MemoryStore): { counted: MemoryStore; answered: () => number } {
  let count = 0;
  const counted: MemoryStore = {
    ...store,
    unit: async (options, work) => {
      let first = 0;
      const result = await store.unit(options, (unit) => {
        const claims = [options.claim, ...(options.alongside ?? [])];
        const entered = claims.filter((claim) => claim?.queue !== undefined);
        first = unit.earlier === undefined ? entered.length : 0;
        return work(unit);
      });
      count += first;
      return result;
    },
  };
  return { counted, answered: () => count };
}

function asJson(row: Row): Row {
  return JSON.parse(JSON.stringify(row)) as Row;
}

function orderOf(table: AppTable, row: Row): string {
  return rowOrder[table]
    .split(", ")
    .map((column) => String(row[column]))
    .join();
}

/** A letter as the SQL stores have it: `errorCode` stands in `error_code`, what is absent is NULL, and no text is one that a column could not hold. */
function columnsOf({
  errorCode,
  operationIndex,
  userId,
  clientId,
  status,
  attempts,
  root,
  payload,
}: StoredLetter): Row {
  return {
    error_code: errorCode,
    operation_index: operationIndex ?? null,
    user_id: userId,
    client_id: clientId === undefined ? null : escapeText(clientId),
    status,
    attempts,
    root: root ?? null,
    payload,
  };
}
