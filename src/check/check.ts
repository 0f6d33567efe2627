/** `writes.check()`: compares the rules with the database, each other and the client's schema. Everything it does in the database is rolled back. */
import type { WritesConfig } from "../config/config.js";
import type { OperationContext, Principal } from "../context.js";
import type { CrudEntry } from "../model.js";
import { type OpenUnit, withOperation } from "../pipeline/operation.js";
import { scopeOf } from "../pipeline/scope.js";
import { membershipsIn, type Rule, type Rules } from "../pipeline/rules.js";
import type { Databases } from "../process/call.js";
import type { InspectedTable, OwnTablesUsed } from "../store/tables.js";
import type { Store, Unit, UnitTimeouts } from "../store/store.js";
import type { Limits } from "../wire/limits.js";
import type { CheckOptions } from "../config/writes.js";
import { againstClient } from "./client.js";
import { digitMismatches } from "./digits.js";
import { againstDatabase } from "./database.js";
import { tableMissing } from "./declared.js";
import { memberMismatches } from "./access.js";
import { mismatch, type Mismatch } from "./mismatch.js";
import { type ClientSchema, type SyncedTable, syncedTables } from "./client-schema.js";
import { noDeferral, UnsuitableTable } from "../store/failures.js";

export interface CheckParts<P extends Principal, DB> {
  readonly config: Pick<WritesConfig<P, DB>, "deferConstraints" | "mutators" | "schema">;
  readonly rules: Rules<P, DB>;
  readonly databases: Databases<P>;
  readonly used: OwnTablesUsed;
  readonly limits: Limits;
  /** Whether the data is written as the login role. */
  readonly asLogin: boolean;
}

/** See `Writes.check`. */
export async function check<P extends Principal, DB>(
  parts: CheckParts<P, DB>,
  clientSchema: ClientSchema | undefined = parts.config.schema,
  { principal }: CheckOptions<P> = {},
): Promise<readonly Mismatch[]> {
  const client = clientSchema === undefined ? undefined : syncedTables(clientSchema);
  const { store } = await parts.databases.sure(principal);
  return checkStore(parts, store, { client, principal });
}

interface Against<P extends Principal> {
  readonly client?: readonly SyncedTable[] | undefined;
  readonly principal?: P | undefined;
  /** The time limits of each look at the database. Default: the configured ones. */
  readonly timeouts?: UnitTimeouts;
}

/** Rejects if the database can't be queried. */
export async function checkStore<P extends Principal, DB>(
  { config, rules, used, limits, asLogin }: Omit<CheckParts<P, DB>, "databases">,
  store: Store,
  { client, principal, timeouts }: Against<P> = {},
): Promise<readonly Mismatch[]> {
  const { own, tables, referenced } = await readTables(store, rules, used, timeouts);
  const settings = await look(store, ({ inspect }) => inspect.settings(limits), timeouts);
  const undeferred = config.deferConstraints === true && store.deferral !== true;
  const mismatches = [
    ...(undeferred ? [notDeferrable(store)] : []),
    ...settings.map((problem): Mismatch => ({ severity: "warning", table: "", ...problem })),
    ...own,
  ];
  const found = new Map<string, InspectedTable>();
  for (const rule of rules.values()) {
    const read = tables.get(rule.name);
    if (read === undefined || "code" in read) {
      mismatches.push(...(read === undefined ? [] : [read]));
      continue;
    }
    found.set(rule.name, read);
    mismatches.push(...againstDatabase(rule, read, asLogin), ...digitMismatches(rule, read, store));
  }
  for (const rule of rules.values()) {
    mismatches.push(
      ...againstOthers(rule, found, referenced),
      ...memberMismatches(rule, referenced, store),
    );
  }
  if (principal !== undefined) {
    const missing = new Set(
      mismatches.flatMap(({ code, table }) =>
        code.endsWith("_missing") || code === "scope_fails" ? table : [],
      ),
    );
    for (const rule of rules.values()) {
      // What is missing or does not fit has been reported, and the scope would only fail because of it.
      const about = [rule, ...rule.parents.map((parent) => parent.rule)];
      if (about.some(({ name }) => missing.has(name))) continue;
      mismatches.push(...(await scopeFailure(store, rule, principal)));
    }
  }
  if (client !== undefined)
    mismatches.push(...againstClient(rules, client, found, store, config.mutators !== undefined));
  return mismatches;
}

function notDeferrable(store: Store): Mismatch {
  const { message } = noDeferral(store);
  return { severity: "error", code: "not_deferrable", table: "", message };
}

/** Each look is a separate transaction with the usual time limits, and is rolled back. */
async function look<T>(
  store: Store,
  work: (unit: Unit) => Promise<T>,
  timeouts?: UnitTimeouts,
): Promise<T> {
  let seen: { readonly value: T } | undefined;
  const undo = new Error("Seen.");
  try {
    await store.unit({ readOnly: true, ...(timeouts && { timeouts }) }, async (unit) => {
      seen = { value: await work(unit) };
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  // Safe: the unit ends by throwing `undo`, which happens only after the assignment.
  return (seen as { readonly value: T }).value;
}

/** Resolves to nothing if the database accepts the scope. Rejects if it can't be queried. */
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
    const message = `its scope fails for this caller, as would every write: ${said}`;
    return [{ ...mismatch("error", "scope_fails", rule.name, undefined, message), cause: error }];
  }
}

/** A context to try a scope with, as if for an operation that nobody has sent. */
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
  ).context;
}

interface TablesRead {
  readonly own: readonly Mismatch[];
  /** The tables by rule. */
  readonly tables: ReadonlyMap<string, InspectedTable | Mismatch>;
  /** Tables that columns refer to by `references`, those of `conflict.record`, and those in which scopes look for members. */
  readonly referenced: ReadonlyMap<string, InspectedTable | undefined>;
}

/** One look for each rule, so that others can use the connection in between. */
async function readTables<P extends Principal, DB>(
  store: Store,
  rules: Rules<P, DB>,
  used: OwnTablesUsed,
  timeouts: UnitTimeouts | undefined,
): Promise<TablesRead> {
  const tables = new Map<string, InspectedTable | Mismatch>();
  const referenced = new Map<string, InspectedTable | undefined>();
  const own = await look(store, (unit) => inspectOwn(unit, used), timeouts);
  for (const rule of rules.values()) {
    await look(
      store,
      async (unit) => {
        tables.set(rule.name, await inspectTable(unit, rule));
        const record = rule.conflict?.record;
        if (record !== undefined) referenced.set(record, await unit.inspect.table(record));
        const references = [...(rule.clientColumns?.values() ?? [])].flatMap(
          (column) => column.references ?? [],
        );
        for (const { table } of [...references, ...membershipsIn(rule)]) {
          if (referenced.has(table)) continue;
          referenced.set(table, await unit.inspect.table(table));
        }
      },
      timeouts,
    );
  }
  return { own, tables, referenced };
}

async function inspectOwn(unit: Unit, used: OwnTablesUsed): Promise<readonly Mismatch[]> {
  const severity = "error";
  try {
    const problems = await unit.inspect.ownTables(used);
    return problems.map((problem) => ({ severity, code: "own_tables_missing", ...problem }));
  } catch (error) {
    if (!(error instanceof UnsuitableTable)) throw error;
    const { message } = error;
    return [{ severity, code: "table_unsuitable", table: "powersync_ledger", message }];
  }
}

async function inspectTable<P extends Principal, DB>(
  unit: Unit,
  rule: Rule<P, DB>,
): Promise<InspectedTable | Mismatch> {
  try {
    return (await unit.inspect.table(rule.table)) ?? tableMissing(rule);
  } catch (error) {
    if (!(error instanceof UnsuitableTable)) throw error;
    return mismatch("error", "table_unsuitable", rule.name, undefined, error.message);
  }
}

/** @param referenced the tables that `references` and `conflict.record` name */
function* againstOthers<P extends Principal, DB>(
  { name, parents, clientColumns, conflict }: Rule<P, DB>,
  tables: ReadonlyMap<string, InspectedTable>,
  referenced: ReadonlyMap<string, InspectedTable | undefined>,
): Iterable<Mismatch> {
  for (const { column, rule, by } of parents) {
    // If the table or its key is missing, the check of its own rule has reported it.
    const columns = tables.get(rule.name)?.columns;
    if (columns === undefined || columns.has(by) || rule.key.columns.includes(by)) continue;
    yield mismatch(
      "error",
      "column_missing",
      name,
      column,
      `belongsTo.${column} refers to "${rule.table}" by "${by}", but that column does not exist. Create it, or correct the name.`,
    );
  }
  const record = conflict?.record;
  if (record !== undefined && referenced.get(record)?.columns.has("id") !== true) {
    yield mismatch(
      "error",
      referenced.get(record) === undefined ? "table_missing" : "column_missing",
      name,
      undefined,
      `conflict.record names the table "${record}", which the database does not have, or which has no column "id". Create it. Until then, conflicting writes wait on the device.`,
    );
  }
  for (const [client, { references }] of clientColumns ?? []) {
    if (references === undefined) continue;
    const { table, match, take } = references;
    const found = referenced.get(table);
    if (found === undefined) {
      yield mismatch(
        "error",
        "table_missing",
        name,
        client,
        `columns.${client} refers to the table "${table}", which the database does not have. Create it, or correct the name.`,
      );
      continue;
    }
    for (const column of new Set([match, take])) {
      if (found.columns.has(column)) continue;
      yield mismatch(
        "error",
        "column_missing",
        name,
        client,
        `columns.${client} refers to "${table}" by "${column}", but that column does not exist. Create it, or correct the name.`,
      );
    }
  }
}
