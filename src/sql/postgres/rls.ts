/** Postgres' row-level security: runs a transaction as another role, and checks whether policies restrict that role. */
import { type RawBuilder, sql } from "kysely";
import type { DatabaseCaller } from "../../store/store.js";
import type { PolicyReport } from "../../store/tables.js";
import type { RowSecurity } from "../dialect.js";
import type { SourceTable, SqlTransaction } from "../table.js";
import { quoted } from "./schema.js";

/**
 * All settings end with the transaction, which is safe behind a pooler that gives each transaction another connection. `row_security` is set because,
 * with it off, a statement that a policy filters would fail. The role is set last, so that it needs no right to set the rest.
 */
export async function become(tx: SqlTransaction, caller: DatabaseCaller): Promise<void> {
  await becoming(caller).execute(tx.withoutPlugins());
}

export function becoming({ role, settings }: DatabaseCaller): RawBuilder<unknown> {
  const all: (readonly [string, string])[] = [["row_security", "on"], ...settings];
  if (role !== undefined) all.push(["role", role]);
  const set = all.map(([name, value]) => sql`set_config(${name}, ${value}, true)`);
  return sql`select ${sql.join(set)}`;
}

export async function inspect(
  tx: SqlTransaction,
  { role, tables, granted }: Parameters<RowSecurity["inspect"]>[1],
): Promise<PolicyReport> {
  if (role !== "unknown") {
    const name = role === "login" ? undefined : role.name;
    const problem = await roleProblem(tx, name);
    if (problem !== undefined) return { problems: [problem], complete: true };
    if (name !== undefined) await become(tx, { role: name, settings: [] });
  }
  if (tables.length === 0) return { problems: [], complete: true };
  const found = await findTables(tx, tables);
  return {
    problems: found.flatMap((table) => tableProblem(table, role !== "unknown", granted) ?? []),
    complete: found.every(({ there }) => there),
  };
}

interface RoleRow {
  readonly name: string;
  readonly login: string;
  readonly superuser: boolean;
  readonly bypasses: boolean;
  readonly assumable: boolean;
}

async function roleProblem(
  tx: SqlTransaction,
  wanted: string | undefined,
): Promise<string | undefined> {
  // Since version 16, a member may lack the right to SET ROLE.
  const {
    rows: [role],
  } = await sql<RoleRow>`
    select r.rolname::text as name, session_user::text as login, r.rolsuper as superuser, r.rolbypassrls as bypasses,
      pg_has_role(
        session_user, r.oid, case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end
      ) as assumable
    from pg_catalog.pg_roles r
    where r.rolname = coalesce(${wanted ?? null}::text, current_user::text)
  `.execute(tx.withoutPlugins());
  if (role === undefined)
    return `There is no role ${id(wanted ?? "")}. Create it, or name another in rls({ role }).`;
  const name = id(role.name);
  if (wanted !== undefined && !role.assumable) {
    return `The login role ${id(role.login)} may not become ${name}. Remedy: grant ${name} to ${id(role.login)}.`;
  }
  if (!role.superuser && !role.bypasses) return undefined;
  const why = role.superuser ? "is a superuser" : "has BYPASSRLS";
  return `The role ${name} ${why}, so no policy binds it. Name another in rls({ role }).`;
}

interface PolicyTable {
  readonly name: string;
  readonly there: boolean;
  readonly kind: string;
  readonly enabled: boolean;
  readonly forced: boolean;
  /** Whether the role has the rights of the table's owner. */
  readonly owned: boolean;
  /** For a view: whether its tables are read and written as the current role. */
  readonly invoker: boolean;
  /** Whether the role may write a column, or delete rows. */
  readonly writable: boolean;
  readonly role: string;
}

/** Finds tables as the current role would, but without an error for a schema that it may not use. */
async function findTables(
  tx: SqlTransaction,
  tables: readonly SourceTable[],
): Promise<readonly PolicyTable[]> {
  const wanted = tables.map(
    (table) => sql`(${quoted(table)}::text, ${table.schema ?? null}::text, ${table.name}::text)`,
  );
  const { rows } = await sql<PolicyTable>`
    select wanted.quoted as name, c.oid is not null as there, c.relkind::text as kind,
      c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
      pg_has_role(current_user, c.relowner, 'USAGE') as owned,
      coalesce((
        select o.option_value::boolean from pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker'
      ), false) as invoker,
      has_schema_privilege(c.relnamespace, 'USAGE')
        and (has_any_column_privilege(c.oid, 'INSERT, UPDATE') or has_table_privilege(c.oid, 'DELETE')) as writable,
      current_user::text as role
    from (values ${sql.join(wanted)}) wanted (quoted, schema, name)
    left join pg_catalog.pg_class c on c.oid = case
      when wanted.schema is null then to_regclass(wanted.quoted)::oid
      else (
        select k.oid from pg_catalog.pg_class k join pg_catalog.pg_namespace n on n.oid = k.relnamespace
        where n.nspname = wanted.schema and k.relname = wanted.name
      )
    end
  `.execute(tx.withoutPlugins());
  return rows;
}

function tableProblem(table: PolicyTable, ofRole: boolean, granted: boolean): string | undefined {
  const { name, there, kind, enabled, forced, owned, invoker, writable, role } = table;
  if (!there) return undefined;
  if (kind === "v" && !invoker) {
    return `The view ${name} writes with its owner's rights, past the policies. Remedy: alter view ${name} set (security_invoker = true).`;
  }
  if (!["r", "p", "v"].includes(kind)) return `${name} is no table, and can have no policies.`;
  if (kind !== "v" && !enabled) {
    return `The table ${name} has no row-level security. Remedy: alter table ${name} enable row level security, and create policies for it.`;
  }
  if (kind !== "v" && ofRole && owned && !forced) {
    return `The role ${id(role)} owns the table ${name}, or is a member of its owner, so no policy binds it. Remedy: alter table ${name} force row level security, or name another in rls({ role }).`;
  }
  if (ofRole && granted && !writable) {
    return `The role ${id(role)} may write nothing in the table ${name}. Remedy: grant select, insert, update, delete on ${name} to ${id(role)}, and usage on its schema.`;
  }
  return undefined;
}

function id(name: string): string {
  return quoted({ name });
}
