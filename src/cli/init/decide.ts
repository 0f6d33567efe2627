/**
 * Guesses from a table's columns who may write it. A guess never makes a table writable for everybody: it requires an owner or an owned parent. If there is
 * no clear owner or parent, the table is left out until somebody decides.
 */
import type { Source } from "./source.js";

export type Decision =
  | {
      readonly status: "decided";
      readonly owner?: string;
      readonly parents: readonly ParentGuess[];
      readonly why: string;
    }
  | { readonly status: "undecided"; readonly why: string };

export interface ParentGuess {
  readonly column: string;
  readonly table: string;
  /** The parent's column to which this one refers, if that is not the parent's key. */
  readonly by?: string;
  readonly optional: boolean;
}

/** The usual names of owner columns, the most certain first. */
const ownerNames = [
  "owner_id",
  "ownerid",
  "user_id",
  "userid",
  "created_by",
  "createdby",
  "created_by_id",
  "author_id",
  "authorid",
  "owner",
  "profile_id",
  "account_id",
];

/** Names of tables that grant rights, or contain data that devices must not write. */
const delicate =
  /(?:^|_)(?:members?|memberships?|roles?|permissions?|grants?|admins?|invit(?:e|es|ation|ations)|shares?|collaborators?|users?|accounts?|sessions?|tokens?|api_keys?|credentials?|subscriptions?|payments?|invoices?|plans?|secrets?|audit(?:s|_logs?)?|logs?)$/i;

/** Decides who may write each table, in the given order. Parents are decided before the tables that refer to them, at any depth. */
export function decide(sources: readonly Source[]): ReadonlyMap<string, Decision> {
  const decisions = new Map<string, Decision>();
  const byName = new Map(sources.map((source) => [source.name, source]));
  for (const source of sources) {
    const decision = byItself(source);
    if (decision !== undefined) decisions.set(source.name, decision);
  }
  // Each round decides the next generation of children.
  for (let before = -1; before !== decisions.size;) {
    before = decisions.size;
    const known = new Map(decisions);
    for (const source of sources) {
      if (known.has(source.name)) continue;
      const parents = ownedParents(source, known, byName);
      const decision = parents.length === 0 ? undefined : byParents(parents);
      if (decision !== undefined) decisions.set(source.name, decision);
    }
  }
  return new Map(
    sources.map((source): [string, Decision] => {
      const decision = decisions.get(source.name) ?? {
        status: "undecided",
        why: "no column names the owner of a row, and none refers to a row that has an owner",
      };
      return [source.name, withParents(source, decision, decisions, byName)];
    }),
  );
}

/** Decides by the table's own columns. `undefined`: they do not show who may write it. */
function byItself(source: Source): Decision | undefined {
  const { name, columns, unsuitable, unique } = source;
  if (unsuitable !== undefined) return { status: "undecided", why: unsuitable };
  if (unique?.length === 0) {
    return { status: "undecided", why: "it has no primary key, so a client's row can't be found" };
  }
  const owner = ownerOf(source);
  if (delicate.test(name)) {
    return {
      status: "undecided",
      why: "its name suggests that it grants rights, or contains data that no device should write",
    };
  }
  if (owner === undefined) return undefined;
  const joint = unique?.some((key) => key.length > 1 && key.includes(owner));
  if (joint === true || columns.some((column) => /^(?:role|permission)s?$/i.test(column.name))) {
    return {
      status: "undecided",
      why: `"${owner}" and another column record who belongs to what: with \`owner\`, users could add themselves to anything`,
    };
  }
  return { status: "decided", owner, parents: [], why: `"${owner}" names the owner of a row` };
}

function ownerOf({ columns }: Source): string | undefined {
  for (const name of ownerNames) {
    const found = columns.find((column) => column.name.toLowerCase() === name);
    if (found !== undefined && !found.array) return found.name;
  }
  return undefined;
}

function ownedParents(
  source: Source,
  decisions: ReadonlyMap<string, Decision>,
  sources: ReadonlyMap<string, Source>,
): readonly ParentGuess[] {
  return source.foreignKeys.flatMap(({ columns: [column, ...others], table, by: [by = "id"] }) => {
    const parent = sources.get(table);
    if (column === undefined || others.length > 0 || parent === undefined) return [];
    if (table === source.name || decisions.get(table)?.status !== "decided") return [];
    const optional = source.columns.find((each) => each.name === column)?.nullable === true;
    const key = keyOf(parent);
    const other = key.length !== 1 || key[0] !== by;
    return [{ column, table, ...(other && { by }), optional }];
  });
}

function byParents(parents: readonly ParentGuess[]): Decision {
  const required = parents.filter(({ optional }) => !optional);
  const names = parents.map(({ column }) => `"${column}"`).join(", ");
  if (required.length === 0 && parents.length > 1) {
    return {
      status: "undecided",
      why: `each of ${names} may be NULL, so none of them alone determines the owner of a row`,
    };
  }
  return {
    status: "decided",
    // Without another condition, a row without a parent would belong to nobody.
    parents:
      required.length === 0 ? parents.map((each) => ({ ...each, optional: false })) : parents,
    why: `${names} ${parents.length === 1 ? "refers to a row" : "refer to rows"} with an owner`,
  };
}

/** Adds the parents to an owner. With an owner only, users could add rows of their own below another user's row. */
function withParents(
  source: Source,
  decision: Decision,
  decisions: ReadonlyMap<string, Decision>,
  sources: ReadonlyMap<string, Source>,
): Decision {
  if (decision.status === "undecided" || decision.owner === undefined) return decision;
  const parents = ownedParents(source, decisions, sources).filter(
    ({ column }) => column !== decision.owner,
  );
  if (parents.length === 0) return decision;
  const names = parents.map(({ column }) => `"${column}"`).join(", ");
  return {
    ...decision,
    parents,
    why: `${decision.why}, and ${names} must refer to the same user's rows`,
  };
}

/** The columns that store the client's id. Empty if there are none. */
export function keyOf({ unique, columns }: Source): readonly string[] {
  const numbered = (name: string) =>
    columns.find((column) => column.name === name)?.numbered !== undefined;
  const keys = unique ?? [];
  const single = keys.flatMap((key) => (key.length === 1 ? key : []));
  const typed = (name: string) => columns.find((column) => column.name === name)?.type;
  return (
    [
      single.find((name) => name === "id" && !numbered(name)),
      single.find((name) => ["uuid", "uniqueidentifier"].includes(typed(name) ?? "")),
      single.find((name) => /^(?:uuid|guid|public_id|client_id|external_id)$/i.test(name)),
      single.find((name) => name === "id"),
      single.find((name) => !numbered(name)),
      single[0],
    ].flatMap((name) => (name === undefined ? [] : [[name]]))[0] ??
    keys[0] ??
    []
  );
}

/** Whether a column's name suggests that a client must not set it. */
export function isSensitive(column: string): boolean {
  return /^(?:is_?)?(?:admin|superuser|staff|verified|approved|banned|blocked)$|(?:^|_)(?:roles?|permissions?|password|passwd|secret|token|api_?key|hash|salt|balance|credits?|plan|tier|price|paid)(?:_|$)/i.test(
    column,
  );
}
