/** What `check()` and `ready()` ask about the database. */
import type { Db, Document } from "mongodb";
import { noRowSecurity, UnsuitableTable } from "../store/failures.js";
import type { Inspect, OwnTableProblem, OwnTablesUsed } from "../store/tables.js";
import type { MongoTable } from "./columns.js";
import { ownIndexes, ownNames, type Own } from "./own-collections.js";
import { checkScope, filterIn } from "./scope.js";
import type { Schema } from "./schema.js";
import { findOne, type Sending } from "./commands.js";
import type { Server } from "./server.js";
import { ownerKind } from "./values.js";

interface InspectParts {
  readonly db: Db;
  readonly schema: Schema;
  readonly server: Server;
  readonly sending: Sending;
  readonly maxTimeMS: number;
}

/** Collections and indexes are listed outside of the transaction, because MongoDB can't list them inside. */
export function openInspect({ db, schema, server, sending, maxTimeMS }: InspectParts): Inspect {
  return {
    table: async (name) => {
      const [info] = await db.listCollections({ name }, { nameOnly: false, maxTimeMS }).toArray();
      if (info !== undefined && info.type !== "collection")
        throw new UnsuitableTable(
          `"${name}" is a ${String(info.type)}, which transactions can't write.`,
        );
      const [table] = await schema.anew([name]);
      if (table === undefined) return undefined;
      const unique = await uniqueKeys(db, table, maxTimeMS);
      const inexact = new Set(table.inexact ? textColumns(table) : []);
      return { ...table, unique, inexact, ownerKind };
    },
    columns: async (tables) => {
      const found = await schema.anew(tables);
      return found.map((table) => (table === undefined ? new Set() : namesOf(table)));
    },
    scope: async (scope) => {
      await checkScope(sending, scope);
      const table = await sending.tableOf(scope.table);
      if (scope.expression === undefined || table === undefined) return;
      // Matches no document, but the server still parses the filter.
      await findOne(sending, table, filterIn(scope, { _id: { $in: [] } }), []);
    },
    ownTables: async (used) => {
      const problem = await server.problem();
      if (problem !== undefined) return [{ table: "", message: problem }];
      return ownProblems(db, await schema.names(), used, maxTimeMS);
    },
    settings: async () => [],
    policies: async () => {
      throw noRowSecurity({ name: "mongodb" });
    },
  };
}

/** Every name that a rule may use: both names of the id, and any name if the collection accepts any field. */
function namesOf(table: MongoTable): ReadonlySet<string> {
  return new AnyOf(table);
}

class AnyOf extends Set<string> {
  readonly #table: MongoTable;

  constructor(table: MongoTable) {
    super(table.columns.keys());
    this.#table = table;
  }

  override has(name: string): boolean {
    return this.#table.columns.has(name);
  }
}

function textColumns({ columns }: MongoTable): readonly string[] {
  return Array.from(columns.values())
    .filter(({ types }) => types.length === 0 || types.includes("string"))
    .map(({ name }) => name);
}

/** The columns of each unique index that covers all documents. */
export async function uniqueKeys(
  db: Db,
  table: MongoTable,
  maxTimeMS: number,
): Promise<readonly (readonly string[])[]> {
  const indexes = await db.collection(table.name).listIndexes({ maxTimeMS }).toArray();
  const whole = (indexes as readonly Document[]).filter(
    ({ unique, sparse, partialFilterExpression, name }) =>
      name === "_id_" ||
      (unique === true && sparse !== true && partialFilterExpression === undefined),
  );
  return whole.flatMap(({ key }) => {
    const fields = Object.keys(key as object);
    const columns = fields.map((field) => (field === "_id" ? idNames(table) : [field]));
    const [first = []] = columns;
    return columns.length === 1
      ? first.map((name) => [name])
      : [columns.map(([name = ""]) => name)];
  });
}

function idNames({ columns }: MongoTable): readonly string[] {
  return ["id", "_id"].filter((name) => columns.get(name)?.field === "_id");
}

async function ownProblems(
  db: Db,
  names: ReadonlySet<string>,
  { ledger, versions, attempts, checkpoints }: OwnTablesUsed,
  maxTimeMS: number,
): Promise<readonly OwnTableProblem[]> {
  const used: readonly (keyof Own)[] = [
    ...(ledger ? (["ledger", "devices", "accounts", "named"] as const) : []),
    ...(versions ? (["versions"] as const) : []),
    "letters",
    "parts",
    ...(attempts ? (["attempts"] as const) : []),
    ...(checkpoints ? (["checkpoints"] as const) : []),
  ];
  const problems: OwnTableProblem[] = [];
  for (const each of used) {
    const name = ownNames[each];
    if (!names.has(name)) {
      problems.push({ table: name, message: missing(`collection "${name}" is`) });
      continue;
    }
    const indexes = await db.collection(name).listIndexes({ maxTimeMS }).toArray();
    const known = new Set(
      (indexes as readonly Document[]).map((index) => index["name"] as unknown),
    );
    const lacking = ownIndexes[each].find((index) => !known.has(index.name));
    if (lacking !== undefined)
      problems.push({ table: name, message: missing(`index "${lacking.name}" of "${name}" is`) });
  }
  return problems;
}

function missing(what: string): string {
  return `The library's own ${what} missing. Remedy: run createCollections(database). Until then writes wait on the device.`;
}
