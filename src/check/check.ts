/** `writes.check()`: the rules held against the database and the client's schema. Everything that it asks the database is rolled back. */
import type { Kysely, Transaction } from "kysely";
import { begin, type TransactionSettings } from "../sql/transaction.js";
import { type Mismatch, syncedTables } from "./types.js";
import type { OperationContext, Principal } from "../pipeline/layers.js";
import { isConnectionError } from "../sql/connection-errors.js";
import { dialectOf } from "../sql/dialects.js";
import { type SchemaOf, tryScope } from "../sql/scope.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import type { Writes } from "../writes.js";
import { againstClient } from "./client.js";
import { againstDatabase, type Found, mismatch } from "./database.js";
import { againstOthers, readTables } from "./tables.js";

interface CheckParts<P extends Principal, DB> {
  readonly rules: Rules<P, DB>;
  readonly settings: TransactionSettings;
  /** Throws a TypeError where there is a database for each tenant, and none is named. */
  readonly databaseFor: (principal: P | undefined) => Kysely<DB> | Promise<Kysely<DB>>;
  /** The application's own `authorize` judges every write, or the database's policies do. */
  readonly judged: boolean;
}

export function createCheck<P extends Principal, DB>({
  rules,
  settings,
  databaseFor,
  judged,
}: CheckParts<P, DB>): Writes<P>["check"] {
  return async (clientSchema, { principal } = {}) => {
    const client = clientSchema === undefined ? undefined : syncedTables(clientSchema);
    const database = await databaseFor(principal);
    const look = createLook(database, settings);
    const { own, tables, schemas } = await look((tx) => readTables(tx, rules, settings.own));
    const mismatches = [...own];
    const found = new Map<string, Found>();
    for (const rule of rules.values()) {
      const read = tables.get(rule.name);
      if (read === undefined || "code" in read) {
        mismatches.push(...(read === undefined ? [] : [read]));
        continue;
      }
      found.set(rule.name, read);
      mismatches.push(...againstDatabase(rule, read));
    }
    for (const rule of rules.values()) {
      mismatches.push(...againstOthers(rule, found, schemas), ...unprotected(rule, judged));
    }
    if (principal !== undefined) {
      const schemaOf: SchemaOf = async (table) =>
        [...found].find(([name]) => rules.get(name)?.table === table)?.[1].schema;
      const missing = new Set(
        mismatches.flatMap(({ code, table }) => (code.endsWith("_missing") ? table : [])),
      );
      for (const rule of rules.values()) {
        // What is missing has been named; a scope would only fail of it.
        if (
          [rule, ...rule.parents.map((parent) => parent.rule)].some(({ name }) => missing.has(name))
        )
          continue;
        mismatches.push(...(await scopeFailure(look, rule, principal, schemaOf)));
      }
    }
    if (client !== undefined) {
      mismatches.push(...againstClient(rules, client, found, dialectOf(database)));
    }
    return mismatches;
  };
}

function* unprotected<P extends Principal, DB>(
  rule: Rule<P, DB>,
  judged: boolean,
): Iterable<Mismatch> {
  const { name, operations, owner, scope, parents, authorize } = rule;
  if (judged || (owner ?? scope ?? authorize) !== undefined) return;
  if (parents.length > 0 || operations.size === 0) return;
  yield mismatch(
    "warning",
    "unprotected",
    name,
    undefined,
    `whoever is let in may write every row. Say whose the rows are: "owner", "belongsTo", "scope" or "authorize".`,
  );
}

/** Nothing where the database takes the scope; rejects where it can't be asked. */
async function scopeFailure<P extends Principal, DB>(
  look: Look<DB>,
  rule: Rule<P, DB>,
  principal: P,
  schemaOf: SchemaOf,
): Promise<readonly Mismatch[]> {
  try {
    await look(async (tx) => {
      const operation = { op: "PATCH", table: rule.name, id: "" } as const;
      const context: OperationContext<P, DB> = {
        correlationId: crypto.randomUUID(),
        signal: new AbortController().signal,
        principal,
        tx,
        transaction: { crud: [operation] },
        attempt: 1,
        lossyNumbers: false,
        operation,
        operationIndex: 0,
        stored: async () => undefined,
      };
      await tryScope(rule, context, schemaOf);
    });
    return [];
  } catch (error) {
    if (isConnectionError(error)) throw error;
    const said = error instanceof Error ? error.message : String(error);
    const message = `its scope fails for this caller, and so would every write: ${said}`;
    return [{ ...mismatch("error", "scope_fails", rule.name, undefined, message), cause: error }];
  }
}

// Looks at a database without leaving anything in it.
type Look<DB> = <T>(run: (tx: Transaction<DB>) => Promise<T>) => Promise<T>;

/** Each look is a transaction of its own, bounded in time like all others, and rolled back. */
function createLook<DB>(database: Kysely<DB>, settings: TransactionSettings): Look<DB> {
  return async <T>(run: (tx: Transaction<DB>) => Promise<T>) => {
    let seen: { readonly value: T } | undefined;
    const undo = new Error("Seen.");
    try {
      await begin(database, settings, async (tx) => {
        seen = { value: await run(tx) };
        throw undo;
      });
    } catch (error) {
      if (error !== undo) throw error;
    }
    // `begin` has resolved only if it has thrown, and it has thrown only behind this.
    return (seen as { readonly value: T }).value;
  };
}
