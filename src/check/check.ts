/** `writes.check()`: the rules held against the database and the client's schema. Everything that it asks the database is rolled back. */
import type { OperationContext, Principal } from "../context.js";
import type { CrudEntry } from "../model.js";
import { type OpenUnit, withOperation } from "../pipeline/operation.js";
import { scopeOf } from "../pipeline/persist.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import type { Databases } from "../process/call.js";
import type { OwnTablesUsed } from "../store/inspect.js";
import type { Store, Unit } from "../store/store.js";
import type { CheckOptions } from "../writes.js";
import { againstClient } from "./client.js";
import { againstDatabase, mismatch } from "./database.js";
import { againstOthers, type Found, readTables } from "./tables.js";
import { type ClientSchema, type Mismatch, syncedTables } from "./types.js";

interface CheckParts<P extends Principal, DB> {
  readonly rules: Rules<P, DB>;
  readonly databases: Databases<P>;
  readonly used: OwnTablesUsed;
}

/** See `Writes.check`. */
export async function check<P extends Principal, DB>(
  { rules, databases, used }: CheckParts<P, DB>,
  clientSchema: ClientSchema | undefined,
  { principal }: CheckOptions<P> = {},
): Promise<readonly Mismatch[]> {
  const client = clientSchema === undefined ? undefined : syncedTables(clientSchema);
  const { store } = await databases.sure(principal);
  const { own, tables, referenced } = await look(store, (unit) => readTables(unit, rules, used));
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
    mismatches.push(...againstOthers(rule, found, referenced));
  }
  if (principal !== undefined) {
    const missing = new Set(
      mismatches.flatMap(({ code, table }) => (code.endsWith("_missing") ? table : [])),
    );
    for (const rule of rules.values()) {
      // What is missing has been named; a scope would only fail of it.
      const about = [rule, ...rule.parents.map((parent) => parent.rule)];
      if (about.some(({ name }) => missing.has(name))) continue;
      mismatches.push(...(await scopeFailure(store, rule, principal)));
    }
  }
  if (client !== undefined) mismatches.push(...againstClient(rules, client, found, store));
  return mismatches;
}

/** Each look is a transaction of its own, bounded in time like all others, and rolled back. */
async function look<T>(store: Store, work: (unit: Unit) => Promise<T>): Promise<T> {
  let seen: { readonly value: T } | undefined;
  const undo = new Error("Seen.");
  try {
    await store.unit({ readOnly: true }, async (unit) => {
      seen = { value: await work(unit) };
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  // The unit ends by throwing `undo`, and that only behind the assignment.
  return (seen as { readonly value: T }).value;
}

/** Nothing where the database takes the scope; rejects where it can't be asked. */
async function scopeFailure<P extends Principal, DB>(
  store: Store,
  rule: Rule<P, DB>,
  principal: P,
): Promise<readonly Mismatch[]> {
  try {
    await look(store, async (unit) => {
      const context = contextFor<P, DB>(rule.name, principal, { store, unit });
      const scope = scopeOf(rule, rule.parents, context, store);
      if (scope !== undefined) await unit.inspect.scope(scope);
    });
    return [];
  } catch (error) {
    if (store.meaning(error) === "outage") throw error;
    const said = error instanceof Error ? error.message : String(error);
    const message = `its scope fails for this caller, and so would every write: ${said}`;
    return [{ ...mismatch("error", "scope_fails", rule.name, undefined, message), cause: error }];
  }
}

/** A scope is asked with the context of an operation that nobody has sent. */
function contextFor<P extends Principal, DB>(
  table: string,
  principal: P,
  open: OpenUnit,
): OperationContext<P, DB> {
  const operation: CrudEntry = { op: "PATCH", table, id: "" };
  return withOperation<P, DB>(
    {
      correlationId: crypto.randomUUID(),
      signal: new AbortController().signal,
      principal,
      tx: open.unit.tx as OperationContext<P, DB>["tx"],
      transaction: { crud: [operation] },
      attempt: 1,
      lossyNumbers: false,
    },
    operation,
    0,
    open,
    async () => undefined,
  );
}
