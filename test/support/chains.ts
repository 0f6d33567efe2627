/** Letters that others depend on: a list that is refused, and what its user goes on to do with it. */
import type { Principal, TransactionResult, WriteEvent, Writes } from "../../src/index.js";
import { alice, from, patch, put, uuid } from "./letters.js";
import type { OpenTarget } from "./target.js";
import { plainRules } from "./writes.js";

/** What is applied, what waits behind a letter, and what a wrong value is. */
export const SUCCESS = { status: "success" };
export const DEPENDS = {
  status: "fatal_error",
  requiresClientHandling: false,
  failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" },
};
export const FATAL = { status: "fatal_error", requiresClientHandling: false };
export const INVALID = { status: "fatal_error", failedOperation: { errorCode: "INVALID_DATA" } };

export const list = uuid(1);
export const other = uuid(2);
export const todo = (n: number) => uuid(100 + n);
export const remove = (table: string, id: string) => ({ op: "DELETE", table, id });
export const newList = (id: string, name = "New") => put("lists", id, { name });
/** No date. */
export const badList = (id: string, name = "New") => put("lists", id, { name, created_at: "soon" });
export const newTodo = (n: number, list_id = list) =>
  put("todos", todo(n), { list_id, description: `todo ${n}` });

const tables = {
  ...plainRules,
  todos: { belongsTo: { list_id: "lists" } },
  members: { id: ["list_id", "user_name"], belongsTo: { list_id: "lists" } },
  open_todos: { access: "everyone", table: "todos" },
} as const;

/** A write path over a target, Alice's devices, and a hand on her letters. */
export function chainScene(open: OpenTarget, config: object = {}) {
  let opId = 1;
  const events: WriteEvent[] = [];
  const writes = open.writes({
    onFatal: "skip",
    onEvent: (event) => void events.push(event),
    ...config,
    tables: { ...tables, ...(config as { tables?: object }).tables },
  } as Parameters<OpenTarget["writes"]>[0]) as Writes<Principal>;
  const { deadLetters } = writes;
  const send = (...crud: readonly object[]): Promise<TransactionResult> =>
    sendFrom("phone", ...crud);
  const sendFrom = (device: string, ...crud: readonly object[]): Promise<TransactionResult> => {
    const body = from(device, opId, ...crud);
    opId += crud.length;
    return writes.processTransaction(body, alice);
  };
  const all = async () => (await deadLetters.list({ order: "oldest", limit: 500 })).letters;
  const root = async () => {
    const [first] = await all();
    if (first === undefined) throw new Error("There is no letter.");
    return first;
  };
  return { writes, deadLetters, events, send, sendFrom, all, root };
}

/** What one user does offline; the first is refused. */
export const twenty: readonly (readonly object[])[] = [
  [newList(list)],
  [newTodo(1)],
  [newTodo(2), newTodo(3)],
  [patch("todos", todo(1), { description: "first" })],
  [patch("lists", list, { name: "Renamed" })],
  [remove("todos", todo(2))],
  [put("members", `${list}.alice`, { role: "owner" })],
  [patch("members", `${list}.alice`, { role: "reader" })],
  [patch("todos", todo(3), { completed: 1 }), patch("todos", todo(1), { completed: 1 })],
  [newTodo(4)],
  [remove("todos", todo(4))],
  [newTodo(5)],
  [patch("todos", todo(5), { description: "fifth" })],
  [patch("todos", todo(5), { description: "fifth, again" })],
  [put("members", `${list}.carol`, { role: "guest" })],
  [remove("members", `${list}.carol`)],
  [patch("lists", list, { settings: { color: "red" } })],
  [newTodo(6), patch("todos", todo(6), { position: 2 })],
  [patch("my_todos", todo(6), { text: "by another name" })],
  [patch("lists", list, { name: "The end" })],
];
