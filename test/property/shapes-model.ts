/** What becomes of the rows and what is answered, in words as plain as can be. */
import { type Entry, isWritten, type Shape, type User } from "./shapes.js";

export interface Row {
  readonly owner: User | null;
  readonly circle: User | null;
  readonly body: string | null;
  readonly n: number | null;
  readonly gone: number;
}

export interface State {
  readonly rows: Map<string, Row>;
  /** What triggers have done in place of a statement. */
  readonly effects: string[];
}

/** Codes are refusals. */
export type Said =
  | "written"
  | "missing"
  | "declined"
  | "FORBIDDEN_COLUMN"
  | "UNAUTHORIZED"
  | "NOT_NULL_VIOLATION"
  | "UNIQUE_VIOLATION"
  | "CONSTRAINT_VIOLATION";

export function isRefusal(said: Said): boolean {
  return said === said.toUpperCase();
}

/** Whose row it is, is sent where the rule does not fill it in. */
export function dataOf({ rule }: Shape, user: User, { op, data }: Entry): Partial<Row> {
  if (op === "DELETE") return {};
  return op === "PUT" && rule !== "owner" ? { ...data, owner: user } : data;
}

function isForbidden(
  { put, softDelete, generated }: Shape,
  { op, data }: Pick<Entry, "op" | "data">,
): boolean {
  if (op === "DELETE") return false;
  // With `replace` the rule lists what may be sent.
  const listed = put === "replace";
  if (data.gone !== undefined && (listed || softDelete)) return true;
  return data.twice !== undefined && (listed || generated);
}

function inScope({ rule }: Shape, user: User, { owner, circle }: Row): boolean {
  if (rule === "owner") return owner === user;
  return rule === "everyone" || circle === user;
}

interface Writing {
  readonly shape: Shape;
  readonly user: User;
  readonly id: string;
  readonly state: State;
}

/** Changes the state, unless it gives a code. */
export function apply(shape: Shape, user: User, entry: Entry, state: State): Said {
  const { op, id } = entry;
  const { rows } = state;
  const { kind, policies, grants, put, onDelete } = shape;
  if (isForbidden(shape, entry)) return "FORBIDDEN_COLUMN";
  const { twice: _, ...sent } = dataOf(shape, user, entry) as Partial<Row> & { twice?: number };
  const replaced = op === "PUT" && put === "replace" ? { body: null, n: null, circle: null } : {};
  const data: Partial<Row> = { ...replaced, ...sent };
  const writing = { shape, user, id, state };
  const row = rows.get(id);
  const isDelete = op === "DELETE" && !shape.softDelete;
  // Of a statement that the role may not send it does not matter what it would find.
  if (grants === "insert only" && op !== "PUT") return "UNAUTHORIZED";
  const mayChange = !("circle" in data || "owner" in data);
  if (grants === "columns" && op === "PATCH" && !mayChange) return "UNAUTHORIZED";
  const isHidden =
    row !== undefined &&
    ((kind === "live" && row.gone === 1) || (policies === "hidden" && row.owner !== user));
  if (row === undefined || (isHidden && op !== "PUT"))
    return op === "PUT" ? insert(writing, data) : "missing";
  const neverChanges = put === "insert" || grants === "insert only" || policies === "insert only";
  if (isHidden) {
    // As far as anybody can see there is none.
    const none: State = { rows: new Map(), effects: state.effects };
    const said = insert({ ...writing, state: none }, data);
    if (said !== "written" && said !== "UNAUTHORIZED") return said;
    return neverChanges ? "UNIQUE_VIOLATION" : "UNAUTHORIZED";
  }
  if (!inScope(shape, user, row)) return "UNAUTHORIZED";
  if (op === "PUT" && neverChanges) {
    const isSame = Object.entries(data).every(([name, value]) => row[name as keyof Row] === value);
    return isSame ? "written" : "UNIQUE_VIOLATION";
  }
  if (policies === "insert only") return "UNAUTHORIZED";
  // What a rule sends in place of a statement is sent as the table's owner, whom no policy binds.
  const byRule = isDelete && onDelete === "rule";
  if (policies === "owners" && row.owner !== user && !byRule) return "UNAUTHORIZED";
  if (grants === "columns" && op === "PUT" && !mayChange) return "UNAUTHORIZED";
  if (isDelete) return remove(writing, row);
  const change = op === "DELETE" ? { gone: 1 } : data;
  return update(writing, row, change, op === "DELETE");
}

function insert({ shape, user, id, state }: Writing, data: Partial<Row>): Said {
  const { onInsert, defaults } = shape;
  // A view that is written by triggers or rules has no defaults of its own.
  const given = defaults === "some" && !isWritten(shape) ? { body: "made", n: 7 } : {};
  const made: Row = { owner: user, circle: null, body: null, n: null, gone: 0, ...given, ...data };
  if (onInsert === "raises" && data.body === "drop") return "CONSTRAINT_VIOLATION";
  if (onInsert === "elsewhere" && data.body === "drop") {
    state.effects.push(`insert ${id}`);
    return "declined";
  }
  const refused = constrained(shape, state, id, made);
  if (refused !== undefined) return refused;
  // What can't be seen is not the caller's to make, either.
  if (shape.policies === "hidden" && made.owner !== user) return "UNAUTHORIZED";
  state.rows.set(id, made);
  return inScope(shape, user, made) ? "written" : "UNAUTHORIZED";
}

function update(
  { shape, user, id, state }: Writing,
  row: Row,
  change: Partial<Row>,
  mayLeave: boolean,
): Said {
  const { onUpdate } = shape;
  const isStale = ("n" in change ? (change.n ?? 0) : (row.n ?? 0)) < (row.n ?? 0);
  if (onUpdate === "newest wins" && isStale) {
    state.effects.push(`update ${id}`);
    return "declined";
  }
  const body = "body" in change ? change.body : row.body;
  if (onUpdate === "raises" && body === "drop" && row.body !== "drop")
    return "CONSTRAINT_VIOLATION";
  if (onUpdate === "keeps" && body === "drop") return "written";
  const changed = { ...row, ...change };
  const refused = constrained(shape, state, id, changed);
  if (refused !== undefined) return refused;
  state.rows.set(id, changed);
  return mayLeave || inScope(shape, user, changed) ? "written" : "UNAUTHORIZED";
}

function remove({ shape, id, state }: Writing, row: Row): Said {
  const { onDelete } = shape;
  if (onDelete === "raises" && row.body === "drop") return "CONSTRAINT_VIOLATION";
  const isKept = onDelete === "soft" || onDelete === "rule" || (onDelete === "trash" && !row.gone);
  if (!isKept) {
    state.rows.delete(id);
    return "written";
  }
  // The trigger's own UPDATE is kept from it, too.
  const isKeptOut = shape.onUpdate === "keeps" && row.body === "drop";
  state.rows.set(id, { ...row, ...(!isKeptOut && { gone: 1 }) });
  if (onDelete !== "rule") state.effects.push(`delete ${id}`);
  return "declined";
}

function constrained(
  { defaults, unique }: Shape,
  { rows }: State,
  id: string,
  row: Row,
): Said | undefined {
  if (defaults === "required" && row.n === null) return "NOT_NULL_VIOLATION";
  const isTaken =
    unique &&
    row.body !== null &&
    [...rows].some(([other, { body }]) => other !== id && body === row.body);
  return isTaken ? "UNIQUE_VIOLATION" : undefined;
}
