/**
 * What uploads should do, said again without a database: maps for tables, written from the rules alone and sharing no code with `src`.
 * The tables are those of `schema.ts`, the rules those of `testConfig`.
 *
 * Where an operation breaks several rules at once, this is the order: what no rule declares; what the database does not have; values that no
 * column of that type holds; the stored row's scope; NOT NULL, CHECK and UNIQUE on the row as it would be; foreign keys; the scope of the row
 * after the write.
 */

export interface ModelOperation {
  readonly op: "PUT" | "PATCH" | "DELETE" | "UPSERT";
  readonly table: string;
  readonly id: string;
  readonly op_id?: number;
  readonly op_data?: Readonly<Record<string, unknown>>;
  readonly metadata?: string;
}

export interface ModelTransaction {
  readonly transaction_id?: number;
  readonly crud: readonly ModelOperation[];
}

export interface ModelUpload {
  readonly client_id?: string;
  readonly transactions: readonly ModelTransaction[];
}

/** A result without its words. */
export interface Outcome {
  readonly status: "success" | "retryable_error" | "fatal_error" | "not_attempted";
  readonly errorCode?: string;
  readonly operationIndex?: number;
}

export interface Letter {
  readonly userId: string;
  readonly errorCode: string;
  readonly operationIndex: number | null;
  /** It waits behind another letter of the user's. */
  readonly dependant: boolean;
}

/** A letter, and what it is there for. */
interface Waiting {
  readonly userId: string;
  readonly content: string;
  errorCode: string;
  operationIndex: number | undefined;
  /** Rows that it would create. */
  readonly creates: Set<string>;
  readonly root: Waiting | undefined;
  /** Of a root: its dependants, in order. */
  readonly chain: Waiting[];
}

/** A transaction that has failed, or that depends on a letter. */
interface Failed {
  readonly content: string;
  readonly userId: string;
  readonly errorCode: string;
  readonly operationIndex: number | undefined;
  readonly crud: readonly ModelOperation[];
  readonly root?: Waiting;
}

interface ListRow {
  readonly name: string | null;
  readonly owner_id: string | null;
}

interface TodoRow {
  readonly list_id: string | null;
  readonly description: string;
  readonly completed: boolean | null;
  readonly position: number | null;
}

interface ThingRow {
  readonly code: string | null;
  readonly size: number | null;
  readonly stock: number;
  readonly parent_id: string | null;
}

export interface Rows {
  readonly lists: Readonly<Record<string, ListRow>>;
  readonly todos: Readonly<Record<string, TodoRow>>;
  readonly things: Readonly<Record<string, ThingRow>>;
}

export interface Model {
  send(upload: ModelUpload, userId: string, onFatal: "stop" | "skip"): readonly Outcome[];
  rows(): Rows;
  letters(): readonly Letter[];
  /** How many transactions have been answered for good and can be recognized. */
  answered(): number;
}

/** Ends a transaction. */
class Refusal {
  readonly code: string | undefined;
  constructor(code?: string) {
    this.code = code;
  }
}

const later = new Refusal();

interface State {
  lists: Map<string, ListRow>;
  todos: Map<string, TodoRow>;
  things: Map<string, ThingRow>;
  /** The database refuses what refers to no row, and has defaults. */
  readonly references: boolean;
}

type Data = Readonly<Record<string, unknown>>;

export interface ModelOptions {
  /** `things.parent_id` is checked when the transaction ends, not with each statement. */
  readonly deferred: boolean;
  /** A row that refers to itself can't be removed (InnoDB). Default false. */
  readonly holdsItself?: boolean;
  /** A row's parent is looked for before its unique values are. */
  readonly parentsFirst: boolean;
  /** False: it knows nothing of what a row refers to, and has no defaults: what may be left out may be taken away. Default true. */
  readonly references?: boolean;
}

export function createModel({
  deferred,
  holdsItself = false,
  parentsFirst,
  references = true,
}: ModelOptions): Model {
  let state: State = { lists: new Map(), todos: new Map(), things: new Map(), references };
  /** In the order in which they were recorded. */
  const letters: Waiting[] = [];
  const ledger = new Map<string, Outcome>();
  /** Told apart by their content: by user, number and content. */
  const told = new Map<string, { readonly outcome: Outcome; readonly position: number }>();
  /** When a user's transaction has last named the row. */
  const named = new Map<string, number>();
  let position = 0;
  /** Devices of which something has come that was no repeat. */
  const settled = new Set<string>();

  const foundByContent = (
    transaction: ModelTransaction,
    userId: string,
    key: string,
  ): Outcome | undefined => {
    const found = told.get(key);
    if (found === undefined) return undefined;
    const last = rowsOf(transaction, userId).map((row) => named.get(row) ?? 0);
    return Math.max(...last) > found.position ? undefined : found.outcome;
  };

  const one = (transaction: ModelTransaction, userId: string, clientId?: string): Outcome => {
    const malformed = transaction.crud.findIndex(({ op }) => op === "UPSERT");
    const content = contentOf(transaction, userId, clientId);
    if (transaction.crud.length === 0) return { status: "success" };
    const identity = identityOf(transaction, userId, clientId);
    const answered = identity === undefined ? undefined : ledger.get(identity);
    if (answered !== undefined) return answered;
    const { crud, transaction_id } = transaction;
    const key = transaction_id === undefined ? undefined : contentOf(plain(transaction), userId);
    const device = JSON.stringify([userId, clientId]);
    const isLooked = clientId === undefined || (identity !== undefined && !settled.has(device));
    const found =
      isLooked && key !== undefined ? foundByContent(transaction, userId, key) : undefined;
    if (found !== undefined) {
      if (identity !== undefined) ledger.set(identity, found);
      return found;
    }
    const errorCode = "INVALID_TRANSACTION";
    const outcome =
      malformed >= 0
        ? fail({ content, userId, errorCode, operationIndex: malformed, crud })
        : attempt(transaction, userId, content);
    if (outcome.status === "retryable_error") return outcome;
    position += 1;
    for (const row of rowsOf(transaction, userId)) named.set(row, position);
    if (clientId === undefined && key !== undefined) told.set(key, { outcome, position });
    if (identity !== undefined) {
      ledger.set(identity, outcome);
      settled.add(device);
    }
    return outcome;
  };

  const attempt = ({ crud }: ModelTransaction, userId: string, content: string): Outcome => {
    const next = copy(state);
    const sought: { readonly operationIndex: number; readonly row: string }[] = [];
    let index: number | undefined;
    let refusal: Refusal | undefined;
    try {
      for (const [at, operation] of crud.entries()) {
        index = at;
        if (holdsItself) checkOwnParent(next, operation);
        const row = findsNone(next, operation);
        apply(next, operation, userId);
        if (row !== undefined) sought.push({ operationIndex: at, row });
        if (parentsFirst) checkParents(next);
        checkCodes(next);
        if (!deferred) checkParents(next);
      }
      index = undefined;
      checkParents(next);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = error;
    }
    if (refusal !== undefined && refusal.code === undefined) return { status: "retryable_error" };
    const parents =
      refusal?.code === "FOREIGN_KEY_VIOLATION" || refusal?.code === "UNAUTHORIZED"
        ? [...crud.entries()].flatMap(([operationIndex, operation]) => {
            const row =
              index === undefined || index === operationIndex ? parentOf(operation) : undefined;
            return row === undefined ? [] : [{ operationIndex, row }];
          })
        : [];
    const own = new Set(crud.flatMap((each) => (each.op === "PUT" ? (rowOf(each) ?? []) : [])));
    // What is checked at the end is not checked where rows are missing that somebody would create.
    const inOrder =
      index === undefined
        ? [...sought, ...parents]
        : [...sought, ...parents].toSorted((a, b) => a.operationIndex - b.operationIndex);
    for (const { operationIndex, row } of inOrder) {
      // What it makes itself, and what is there, it needs from nobody.
      if (own.has(row) || isThere(state, row)) continue;
      const root = creatorOf(userId, row);
      if (root === undefined) continue;
      const errorCode = "DEPENDS_ON_DEAD_LETTER";
      return fail({ content, userId, errorCode, operationIndex, crud, root });
    }
    if (refusal?.code !== undefined) {
      return fail({ content, userId, errorCode: refusal.code, operationIndex: index, crud });
    }
    state = next;
    // What the user has made after all, no letter is there for any more.
    for (const letter of letters) {
      if (letter.userId === userId) for (const row of own) letter.creates.delete(row);
    }
    return { status: "success" };
  };

  /** The oldest root of those whose chains would create the row. */
  const creatorOf = (userId: string, row: string): Waiting | undefined => {
    const roots = letters.flatMap((letter) =>
      letter.userId === userId && letter.creates.has(row) ? [letter.root ?? letter] : [],
    );
    return letters.find((letter) => roots.includes(letter));
  };

  /** What comes again is the same letter, and its latest failure; but not where it would lose its place in a chain. */
  const fail = ({ content, userId, errorCode, operationIndex, crud, root }: Failed): Outcome => {
    const last = root?.chain.at(-1);
    const same =
      root === undefined
        ? letters.find(
            (each) =>
              each.content === content && each.root === undefined && each.chain.length === 0,
          )
        : last?.content === content
          ? last
          : undefined;
    const letter: Waiting = same ?? {
      userId,
      content,
      errorCode,
      operationIndex,
      creates: new Set(),
      root,
      chain: [],
    };
    if (same === undefined) {
      letters.push(letter);
      root?.chain.push(letter);
    }
    Object.assign(letter, { errorCode, operationIndex });
    for (const each of crud) {
      const row = each.op === "PATCH" || each.op === "DELETE" ? undefined : rowOf(each);
      if (row !== undefined) letter.creates.add(row);
    }
    return {
      status: "fatal_error",
      errorCode,
      ...(operationIndex !== undefined && { operationIndex }),
    };
  };

  return {
    send: ({ client_id, transactions }, userId, onFatal) => {
      let ended = false;
      return transactions.map((transaction) => {
        if (ended) return { status: "not_attempted" };
        const outcome = one(transaction, userId, client_id);
        ended =
          outcome.status === "retryable_error" ||
          (outcome.status === "fatal_error" && onFatal === "stop");
        return outcome;
      });
    },
    rows: () => ({
      lists: Object.fromEntries(state.lists),
      todos: Object.fromEntries(state.todos),
      things: Object.fromEntries(state.things),
    }),
    letters: () =>
      letters.map(({ userId, errorCode, operationIndex, root }) => ({
        userId,
        errorCode,
        operationIndex: operationIndex ?? null,
        dependant: root !== undefined,
      })),
    answered: () => ledger.size,
  };
}

function copy({ lists, todos, things, references }: State): State {
  return { lists: new Map(lists), todos: new Map(todos), things: new Map(things), references };
}

const sources = {
  lists: "lists",
  hidden_lists: "lists",
  named_lists: "lists",
  half_absent: "lists",
  todos: "todos",
  my_todos: "todos",
  things: "things",
} as const;

/** The source database's row that an operation names, whichever of the client's tables it names it by. */
function rowOf({ table, id }: ModelOperation): string | undefined {
  return table in sources && uuidText.test(id)
    ? `${sources[table as keyof typeof sources]} ${id}`
    : undefined;
}

function isThere(state: State, row: string): boolean {
  const [table = "", id = ""] = row.split(" ");
  return state[table as "lists" | "todos" | "things"].has(id);
}

/** The row of a PATCH or DELETE that finds none. */
function findsNone(state: State, operation: ModelOperation): string | undefined {
  const { op, table, id, op_data = {} } = operation;
  const row = op === "PATCH" || op === "DELETE" ? rowOf(operation) : undefined;
  if (row === undefined || isThere(state, row)) return undefined;
  // A PATCH of nothing looks for nothing.
  const names = Object.keys(op_data).filter((name) =>
    table === "my_todos"
      ? name === "text" || name === "completed"
      : !(name === "id" && op_data["id"] === id),
  );
  return op === "PATCH" && names.length === 0 ? undefined : row;
}

/** The row that an operation's refers to, as far as it says so itself. */
function parentOf({ op, table, op_data = {} }: ModelOperation): string | undefined {
  if (op === "DELETE") return undefined;
  const { list_id, parent_id } = op_data;
  if (table === "todos" && typeof list_id === "string") return `lists ${list_id}`;
  if (table === "things" && typeof parent_id === "string") return `things ${parent_id}`;
  return undefined;
}

function contentOf(transaction: ModelTransaction, userId: string, clientId?: string): string {
  return JSON.stringify([userId, clientId ?? null, transaction], (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

function rowsOf({ crud }: ModelTransaction, userId: string): readonly string[] {
  return crud.map(({ table, id }) => JSON.stringify([userId, table, id]));
}

/** What its content is: no ids of entries, and no metadata. */
function plain({ transaction_id, crud }: ModelTransaction): ModelTransaction {
  return {
    ...(transaction_id !== undefined && { transaction_id }),
    crud: crud.map(({ op, table, id, op_data }) => ({
      op,
      table,
      id,
      ...(op_data && { op_data }),
    })),
  };
}

/** Who, from where, which entries, with which content. */
function identityOf(
  { transaction_id, crud }: ModelTransaction,
  userId: string,
  clientId: string | undefined,
): string | undefined {
  const ids = crud.map(({ op_id }) => op_id);
  const withId = ids.filter((id) => id !== undefined).length;
  if (clientId === undefined || (withId > 0 && withId < crud.length)) return undefined;
  if (withId === 0 && transaction_id === undefined) return undefined;
  const content = crud.map(({ op, table, id, op_data }) => [
    op,
    table,
    id,
    op_data === undefined ? null : Object.entries(op_data).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return JSON.stringify([userId, clientId, withId === 0 ? { transaction_id } : ids, content]);
}

function apply(state: State, { op, table, id, op_data = {} }: ModelOperation, user: string): void {
  if (op === "UPSERT") throw new Error("Malformed operations are refused before they are applied.");
  const data = op === "DELETE" ? {} : op_data;
  switch (table) {
    case "lists":
      return list(state, op, id, columns(data, id, ["name", "owner_id"]), user, "shown");
    case "hidden_lists":
      return list(state, op, id, columns(data, id, ["name", "owner_id"]), user, "hidden");
    case "named_lists":
      return namedList(state, op, id, columns(data, id, ["name"]), user);
    case "half_absent":
      return halfAbsent(state, op, id, columns(data, id, ["name", "no_such_column"]));
    case "todos":
      return todo(
        state,
        op,
        id,
        columns(data, id, ["list_id", "description", "completed", "position"]),
        user,
      );
    case "my_todos":
      return myTodo(state, op, id, data);
    case "things":
      return thing(
        state,
        op,
        id,
        columns(data, id, ["code", "size", "stock", "parent_id", "doubled"]),
      );
    case "absent":
      // `{}` allows whatever the table has; a table that is not there has nothing to say no with.
      if (op === "PATCH" && Object.keys(data).length === 0) return undefined;
      throw later;
    default:
      throw new Refusal("UNKNOWN_TABLE");
  }
}

/** The sent columns, if all may be written. The row's own id may be repeated among them. */
function columns(data: Data, id: string, writable: readonly string[]): Data {
  const sent = Object.entries(data).filter(([name, value]) => !(name === "id" && value === id));
  if (sent.some(([name]) => !writable.includes(name))) throw new Refusal("FORBIDDEN_COLUMN");
  return Object.fromEntries(sent);
}

function list(
  { lists, todos, references }: State,
  op: "PUT" | "PATCH" | "DELETE",
  id: string,
  sent: Data,
  user: string,
  foreign: "shown" | "hidden",
): void {
  if (op === "PATCH" && Object.keys(sent).length === 0) return;
  uuid(id);
  const stored = lists.get(id);
  const mine = stored?.owner_id === user;
  if (op === "PUT") {
    if (stored !== undefined && !mine) throw new Refusal("UNAUTHORIZED");
    const after = { name: null, ...stored, owner_id: user, ...(sent as Partial<ListRow>) };
    if (after.owner_id !== user) throw new Refusal("UNAUTHORIZED");
    lists.set(id, after);
    return;
  }
  if (stored === undefined) return;
  if (!mine) {
    if (foreign === "hidden") return;
    throw new Refusal("UNAUTHORIZED");
  }
  if (op === "DELETE") return removeList({ lists, todos, references }, id);
  const after = { ...stored, ...(sent as Partial<ListRow>) };
  if (after.owner_id !== user) throw new Refusal("UNAUTHORIZED");
  lists.set(id, after);
}

function removeList({ lists, todos, references }: Omit<State, "things">, id: string): void {
  lists.delete(id);
  if (!references) return;
  for (const [todoId, { list_id }] of todos) if (list_id === id) todos.delete(todoId);
}

/** `put: "replace"`, no scope, the owner set by the server. */
function namedList(
  { lists, todos, references }: State,
  op: "PUT" | "PATCH" | "DELETE",
  id: string,
  sent: Data,
  user: string,
): void {
  if (op === "PATCH" && Object.keys(sent).length === 0) return;
  uuid(id);
  if (op === "DELETE") return removeList({ lists, todos, references }, id);
  const stored = lists.get(id);
  if (op === "PATCH" && stored === undefined) return;
  const unsent = op === "PUT" ? { name: null } : { name: stored?.name ?? null };
  lists.set(id, { ...unsent, ...(sent as Partial<ListRow>), owner_id: user });
}

/** A declared column is not in the database; the others are. */
function halfAbsent(
  { lists, todos, references }: State,
  op: "PUT" | "PATCH" | "DELETE",
  id: string,
  sent: Data,
): void {
  if (op === "PATCH" && Object.keys(sent).length === 0) return;
  if ("no_such_column" in sent) throw later;
  uuid(id);
  if (op === "DELETE") return removeList({ lists, todos, references }, id);
  const stored = lists.get(id);
  if (op === "PATCH" && stored === undefined) return;
  lists.set(id, { name: null, owner_id: null, ...stored, ...(sent as Partial<ListRow>) });
}

function todo(
  { lists, todos, references }: State,
  op: "PUT" | "PATCH" | "DELETE",
  id: string,
  sent: Data,
  user: string,
): void {
  if (op === "PATCH" && Object.keys(sent).length === 0) return;
  const values = todoValues(sent);
  uuid(id);
  const stored = todos.get(id);
  const inScope = ({ list_id }: TodoRow) =>
    list_id !== null && lists.get(list_id)?.owner_id === user;
  const required = (row: TodoValues): TodoRow => {
    if (row.description == null) throw new Refusal("NOT_NULL_VIOLATION");
    return { list_id: null, completed: null, position: null, ...row } as TodoRow;
  };
  const keep = (row: TodoRow): void => {
    if (references && row.list_id !== null && !lists.has(row.list_id))
      throw new Refusal("FOREIGN_KEY_VIOLATION");
    if (!inScope(row)) throw new Refusal("UNAUTHORIZED");
    todos.set(id, row);
  };

  if (op === "PUT") {
    if (stored === undefined) return keep(required(values));
    if (!inScope(stored)) throw new Refusal("UNAUTHORIZED");
    return keep(required({ ...stored, ...values }));
  }
  if (stored === undefined) return;
  if (!inScope(stored)) throw new Refusal("UNAUTHORIZED");
  if (op === "DELETE") todos.delete(id);
  else keep(required({ ...stored, ...values }));
}

/** The same table by another name: PATCH and DELETE only, `text` for `description`, `position` and what is unknown left out, no scope. */
function myTodo({ todos }: State, op: "PUT" | "PATCH" | "DELETE", id: string, data: Data): void {
  if (op === "PUT") throw new Refusal("FORBIDDEN_OPERATION");
  const sent = todoValues({
    ...("text" in data && { description: data["text"] }),
    ...("completed" in data && { completed: data["completed"] }),
  });
  if (op === "PATCH" && Object.keys(sent).length === 0) return;
  uuid(id);
  const stored = todos.get(id);
  if (stored === undefined) return;
  if (op === "DELETE") {
    todos.delete(id);
    return;
  }
  if (sent.description === null) throw new Refusal("NOT_NULL_VIOLATION");
  todos.set(id, { ...stored, ...sent } as TodoRow);
}

type TodoValues = { readonly [Name in keyof TodoRow]?: TodoRow[Name] | null };

function todoValues(sent: Data): TodoValues {
  if (typeof sent["list_id"] === "string") uuid(sent["list_id"]);
  return { ...sent, ...("completed" in sent && { completed: truth(sent["completed"]) }) };
}

function thing(state: State, op: "PUT" | "PATCH" | "DELETE", id: string, sent: Data): void {
  if (op === "PATCH" && Object.keys(sent).length === 0) return;
  const { things, references } = state;
  for (const [name, value] of Object.entries(sent)) {
    if (name === "doubled") throw new Refusal("FORBIDDEN_COLUMN");
    if (typeof value === "number" && !Number.isInteger(value)) throw new Refusal("INVALID_DATA");
  }
  uuid(id);
  const { stock, ...others } = sent as Partial<ThingRow>;
  const values =
    references || stock !== null ? (sent as Partial<ThingRow>) : { ...others, stock: 1 };
  if (typeof values.parent_id === "string") uuid(values.parent_id);
  if (values.code != null && values.code.length > 8) throw new Refusal("INVALID_DATA");

  const stored = things.get(id);
  if (op === "DELETE") {
    things.delete(id);
    return;
  }
  if (op === "PATCH" && stored === undefined) return;
  if (values.stock === null) throw new Refusal("NOT_NULL_VIOLATION");
  if (values.size != null && values.size < 0) throw new Refusal("CHECK_VIOLATION");
  things.set(id, { code: null, size: null, stock: 1, parent_id: null, ...stored, ...values });
}

function checkCodes({ things }: State): void {
  const codes = [...things.values()].flatMap(({ code }) => code ?? []);
  if (new Set(codes).size < codes.length) throw new Refusal("UNIQUE_VIOLATION");
}

/** Where it is checked at the end it belongs to no operation. */
function checkParents({ things, references }: State): void {
  if (!references) return;
  for (const { parent_id } of things.values()) {
    if (parent_id !== null && !things.has(parent_id)) throw new Refusal("FOREIGN_KEY_VIOLATION");
  }
}

/** A row that refers to itself stands in its own way. */
function checkOwnParent({ things }: State, { op, table, id }: ModelOperation): void {
  if (op === "DELETE" && table === "things" && things.get(id)?.parent_id === id)
    throw new Refusal("FOREIGN_KEY_VIOLATION");
}

const uuidText = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function uuid(text: string): void {
  if (!uuidText.test(text)) throw new Refusal("INVALID_DATA");
}

function truth(value: unknown): boolean | null {
  if (value === null) return null;
  if (value === true || value === 1 || value === "t") return true;
  if (value === false || value === 0 || value === "f") return false;
  throw new Refusal("INVALID_DATA");
}
