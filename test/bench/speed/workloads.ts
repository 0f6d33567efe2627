/** What the bench uploads: the same bytes to every server, so that all databases hold the same rows in the end. */

/** One kind of upload. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** What one request holds. */
  readonly transactions: number;
  readonly operations: number;
  /** What is counted in a second. */
  readonly unit: "tx/s" | "op/s";
  /** Requests of one sample. */
  readonly requests: number;
  /** The body of the request of that number, from 1 on. */
  body(request: number): string;
}

export const owner = "alice";
/** Rows that are there before. */
export const filled = { lists: 200, todos: 4_000 };
const createdAt = "2026-01-01T00:00:00.000Z";

/** As random as a client's, and the same in every run. */
function uuid(kind: number, number: number): string {
  let state = (kind * 0x9e3779b1 + number) >>> 0;
  let hex = "";
  for (let part = 0; part < 4; part += 1) {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    hex += ((mixed ^ (mixed >>> 15)) >>> 0).toString(16).padStart(8, "0");
  }
  // The number itself, so that no two are the same.
  hex = hex.slice(0, 20) + number.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export const listId = (number: number): string => uuid(1, number);
export const todoId = (number: number): string => uuid(2, number);

export const listRow = (number: number) => ({
  name: `Groceries of week ${number}`,
  owner_id: owner,
  created_at: createdAt,
});
export const todoRow = (number: number, list: number) => ({
  list_id: listId(list),
  description: `Buy bread, for the ${number}th time`,
  completed: 0,
  position: number + 0.5,
  created_at: createdAt,
});

type Entry = readonly [op: "PUT" | "PATCH" | "DELETE", table: string, id: string, data?: object];

const putList = (number: number): Entry => ["PUT", "lists", listId(number), listRow(number)];
const putTodo = (number: number, list: number): Entry => [
  "PUT",
  "todos",
  todoId(number),
  todoRow(number, list),
];

/** Each member of the queue has its number: it counts up over all requests. */
function upload(request: number, transactions: readonly (readonly Entry[])[]): string {
  let opId = request * 20_000;
  return JSON.stringify({
    client_id: "bench",
    transactions: transactions.map((entries) => ({
      transaction_id: (opId += 1),
      crud: entries.map(([op, table, id, data]) => ({
        op_id: (opId += 1),
        op,
        table,
        id,
        ...(data && { op_data: data }),
      })),
    })),
  });
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Rows of a request's own begin here. */
const first = (request: number, size: number): number => 1_000_000 + request * size;

/** Forty times: a list, twelve todos in it, eight todos done that were there, four of the todos before deleted. */
function mixed(request: number): readonly Entry[] {
  const own = first(request, 1_000);
  return times(40, (block): readonly Entry[] => {
    const list = own + block;
    const todo = own + block * 12;
    return [
      putList(list),
      ...times(12, (index) => putTodo(todo + index, list)),
      ...times(8, (index): Entry => {
        const number = ((request * 320 + block * 8 + index) % filled.todos) + 1;
        return ["PATCH", "todos", todoId(number), { completed: 1 }];
      }),
      ...times(4, (index): Entry => [
        "DELETE",
        "todos",
        todoId(block === 0 ? todo + index : todo - 1 - index),
      ]),
    ];
  }).flat();
}

/** A list, two todos in it, one of them done. */
function small(number: number): readonly Entry[] {
  return [
    putList(number),
    putTodo(2 * number, number),
    putTodo(2 * number + 1, number),
    ["PATCH", "todos", todoId(2 * number), { completed: 1 }],
  ];
}

export const workloads: readonly Workload[] = [
  {
    name: "W1",
    title: "one PUT a transaction",
    transactions: 1,
    operations: 1,
    unit: "tx/s",
    requests: 400,
    body: (request) => upload(request, [[putList(first(request, 1))]]),
  },
  {
    name: "W2",
    title: "100 PUTs of one table",
    transactions: 1,
    operations: 100,
    unit: "op/s",
    requests: 60,
    body: (request) =>
      upload(request, [times(100, (index) => putList(first(request, 100) + index))]),
  },
  {
    name: "W3",
    title: "1,000 mixed operations of two tables",
    transactions: 1,
    operations: 1_000,
    unit: "op/s",
    requests: 8,
    body: (request) => upload(request, [mixed(request)]),
  },
  {
    name: "W1 todos",
    title: "one PUT a transaction, of a row that belongs to another",
    transactions: 1,
    operations: 1,
    unit: "tx/s",
    requests: 400,
    body: (request) => upload(request, [[putTodo(first(request, 1), 1)]]),
  },
  {
    name: "W2 todos",
    title: "100 PUTs of rows that belong to another",
    transactions: 1,
    operations: 100,
    unit: "op/s",
    requests: 60,
    body: (request) =>
      upload(request, [times(100, (index) => putTodo(first(request, 100) + index, 1))]),
  },
  {
    name: "W4",
    title: "50 transactions of 4 operations in a request",
    transactions: 50,
    operations: 200,
    unit: "tx/s",
    requests: 12,
    body: (request) =>
      upload(
        request,
        times(50, (index) => small(first(request, 50) + index)),
      ),
  },
];

/** For the database that is far away: 10,000 PUTs in one transaction. */
export const longest: Workload = {
  name: "10,000",
  title: "10,000 PUTs in one transaction",
  transactions: 1,
  operations: 10_000,
  unit: "op/s",
  requests: 1,
  body: (request) =>
    upload(request, [times(10_000, (index) => putList(first(request, 10_000) + index))]),
};
