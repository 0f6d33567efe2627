/** What users send in `flights.test.ts`: rows of their own, now and then somebody else's, and seldom what is refused. */
import fc from "fast-check";

export interface Operation {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_data?: Readonly<Record<string, unknown>>;
}

export interface Sent {
  readonly user: string;
  readonly crud: readonly Operation[];
  /** Whether each of its statements can be sent at once. */
  readonly flies: boolean;
}

const kinds = {
  boards: "1",
  cards: "2",
  codes: "3",
  stamped: "4",
  shared: "5",
  notes: "6",
  kept: "7",
  hidden: "8",
  firsts: "9",
} as const;
type Kind = keyof typeof kinds;

const idOf = (table: Kind, user: string, n: number): string =>
  `00000000-0000-4000-8000-${kinds[table]}${user === "alice" ? "a" : "b"}000000000${n}`;

const nr = fc.nat(3);
const word = fc.constantFrom("one", "two", "it's", "drei ü", "\\", '{"a"}', "null");
const rarely = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: unusual });
/** Rows that are not there are mostly not changed, nor those deleted that others refer to. */
const opOf = (deleted: number, patched = 4, put = 16): fc.Arbitrary<Operation["op"]> =>
  fc.oneof(
    { weight: 10 * put, arbitrary: fc.constant("PUT" as const) },
    { weight: 10 * patched, arbitrary: fc.constant("PATCH" as const) },
    { weight: 10 * deleted, arbitrary: fc.constant("DELETE" as const) },
  );
type Data = fc.Arbitrary<Record<string, unknown>>;

function make(whose: fc.Arbitrary<string>, table: Kind, data: Data, op = opOf(1, 3)) {
  return fc
    .record({ op, whose, nr, data })
    .map(({ op: what, whose: owner, nr: n, data: op_data }): Operation => {
      const row = { table, id: idOf(table, owner, n) };
      return what === "DELETE" ? { op: what, ...row } : { op: what, ...row, op_data };
    });
}

/** The same key in other capitals, which is another row on some databases. */
const label = fc.constantFrom("a1", "A1", "b2", "B2", "c3");

/** What a user does to rows of their own; and now and then to somebody else's. */
function operationOf(user: string): fc.Arbitrary<Operation> {
  const whose = rarely(fc.constant(user), fc.constant(user === "alice" ? "bob" : "alice"), 300);
  const board = fc.tuple(whose, nr).map(([owner, n]) => idOf("boards", owner, n));
  const boards = fc.record({ name: word, owner_id: fc.constant(user) }, { requiredKeys: ["name"] });
  const cards = fc.record(
    {
      board_id: board,
      text: word,
      done: fc.constantFrom(0, 1, null),
      place: fc.constantFrom(1, 2.5, "3.14159", null),
      tags: fc.constantFrom(["a", 'b"\\', ""], "[]", null),
      data: fc.constantFrom({ a: [1] }, '{"b":null}', null),
    },
    { requiredKeys: ["board_id", "text"] },
  );
  const code = rarely(
    fc.nat(200).map((n) => `c${n}`),
    fc.constant("too long for it"),
    20,
  );
  const above = fc.option(
    nr.map((n) => idOf("codes", user, n)),
    { freq: 1 },
  );
  const labels = fc
    .record({ op: opOf(0.2, 0.1), id: label, note: word })
    .map(({ op, id, note }): Operation =>
      op === "DELETE"
        ? { op, table: "labels", id }
        : { op, table: "labels", id, op_data: { note } },
    );
  return fc.oneof(
    { weight: 40, arbitrary: make(whose, "boards", boards, opOf(0.2, 3)) },
    { weight: 60, arbitrary: make(whose, "cards", cards) },
    { weight: 10, arbitrary: make(whose, "codes", fc.record({ code, above })) },
    { weight: 10, arbitrary: labels },
  );
}

/** What some databases, or all, have to do step by step. */
function oddOf(user: string): fc.Arbitrary<Operation> {
  const whose = rarely(fc.constant(user), fc.constant(user === "alice" ? "bob" : "alice"), 20);
  const name = fc.oneof(word, fc.constantFrom("declined", "ours"));
  const author = fc.constantFrom("ann", "ann", "ben");
  const pairs = fc
    .record({ op: opOf(2, 3, 5), a: word, b: nr, note: word })
    .map(({ op, a, b, note }): Operation => {
      const row = { table: "pairs", id: `${a}.${b}` };
      return op === "DELETE" ? { op, ...row } : { op, ...row, op_data: { note } };
    });
  const some = opOf(3, 5, 8);
  return fc.oneof(
    operationOf(user),
    make(whose, "stamped", fc.record({ name }), some),
    make(
      whose,
      "shared",
      fc.record(
        { name, size: nr, owner_id: rarely(fc.constant(user), fc.constant("carol"), 10) },
        { requiredKeys: ["name"] },
      ),
      some,
    ),
    pairs,
    make(whose, "notes", fc.record({ title: name }), some),
    // Without what a new row must have, a PUT changes one that is there.
    make(whose, "kept", fc.record({ author, name }, { requiredKeys: [] }), some),
    make(whose, "firsts", fc.record({ name, note: word }, { requiredKeys: ["note"] }), some),
    make(whose, "hidden", fc.record({ name }), some),
  );
}

/** Neighbors of one kind. */
function neighborsOf(user: string): fc.Arbitrary<readonly Operation[]> {
  return fc
    .tuple(
      fc.array(nr, { minLength: 2, maxLength: 6 }),
      word,
      fc.constantFrom<"boards" | "cards" | "codes">("boards", "cards", "cards", "codes"),
      rarely(fc.constant("PUT"), fc.constant("DELETE"), 8),
    )
    .map(([numbers, name, table, what]) =>
      numbers.map((n, index): Operation => {
        const id = idOf(table, user, n);
        if (what === "DELETE" && table === "cards") return { op: "DELETE", table, id };
        const above = idOf("codes", user, numbers[(index + 1) % numbers.length] ?? 0);
        const op_data = {
          boards: { name: `${name}${n}` },
          cards: { board_id: idOf("boards", user, n % 2), text: name, tags: [name, null] },
          codes: { code: `${user.charAt(0)}${n}${name.length}`, above },
        }[table];
        return { op: "PUT", table, id, op_data };
      }),
    );
}

export const transaction: fc.Arbitrary<Sent> = fc.constantFrom("alice", "bob").chain((user) => {
  const some = (operation: fc.Arbitrary<Operation>, maxLength = 5) =>
    fc.array(operation, { minLength: 1, maxLength });
  const sent = (crud: fc.Arbitrary<readonly Operation[]>, flies: boolean) =>
    crud.map((operations) => ({ user, crud: operations, flies }));
  return fc.oneof(
    { weight: 8, arbitrary: sent(some(operationOf(user)), true) },
    { weight: 2, arbitrary: sent(neighborsOf(user), true) },
    { weight: 2, arbitrary: sent(some(oddOf(user), 2), false) },
  );
});

/** So that rows are there. */
export function beginning(user: string): Sent {
  const crud = [0, 1, 2, 3].flatMap((n): Operation[] => {
    const put = (table: Kind, op_data: Record<string, unknown>): Operation => ({
      op: "PUT",
      table,
      id: idOf(table, user, n),
      op_data,
    });
    return [
      put("boards", { name: "b", owner_id: user }),
      put("cards", { board_id: idOf("boards", user, n), text: "t" }),
      put("stamped", { name: "s", owner_id: user }),
      put("codes", { owner_id: user }),
      put("shared", { name: "s", owner_id: user }),
      put("notes", { title: "n" }),
      put("kept", { author: "ann", name: "k" }),
      put("firsts", { name: "f" }),
      put("hidden", { name: "h", owner_id: user }),
    ];
  });
  return { user, crud, flies: false };
}
