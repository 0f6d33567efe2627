/**
 * Any sequence of uploads ends in the rows, the answers and the dead letters that the model says, on every database and in the memory store. 200 of them
 * (MariaDB and MySQL: 100 each), and more until they have met every outcome; 20 over the second driver of a database; 1,000 each with `LONG=1`.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TransactionResult, Writes } from "../../src/index.js";
import type { Row } from "../support/databases.js";
import { long } from "../support/long.js";
import {
  createModel,
  type ModelOperation,
  type ModelTransaction,
  type ModelUpload,
  type Outcome,
  type Rows,
} from "../support/model.js";
import { noUuid } from "../support/schema.js";
import type { AppTable, OpenTarget, Target } from "../support/target.js";
import { drivenTargets, targets } from "../support/targets.js";
import type { TestPrincipal } from "../support/writes.js";

const most = 1_000;
/** That a database ends where the model does, with every outcome, the first driver has shown. */
const isSecond = (target: Target): boolean => !targets.includes(target);
const sequencesOn = (target: Target): number => {
  if (long) return most;
  return isSecond(target) ? 20 : 100;
};

const everyOutcome = [
  "CHECK_VIOLATION",
  "DEPENDS_ON_DEAD_LETTER",
  "FORBIDDEN_COLUMN",
  "FORBIDDEN_OPERATION",
  "FOREIGN_KEY_VIOLATION",
  "INVALID_DATA",
  "INVALID_TRANSACTION",
  "NOT_NULL_VIOLATION",
  "UNAUTHORIZED",
  "UNIQUE_VIOLATION",
  "UNKNOWN_TABLE",
  "not_attempted",
  "retryable_error",
  "success",
];

type User = "alice" | "bob";

/** Which ids its entries will have. */
interface Numbering extends ModelTransaction {
  readonly ids: string;
}

interface Send {
  readonly kind: "send";
  readonly user: User;
  readonly client: "phone" | "tablet" | undefined;
  readonly transactions: readonly Numbering[];
}

/** An earlier upload, sent again; `as` another user, or with something about it `changed`. */
interface Again {
  readonly kind: "again";
  readonly which: number;
  readonly as: User | undefined;
  readonly changed: "nothing" | "key order" | "metadata" | "content";
}

type Step = Send | Again;

const user = fc.constantFrom<User>("alice", "bob");
const list = fc.constantFrom("L0", "L1");
const todo = fc.constantFrom("T0", "T1");
const thing = fc.constantFrom("X0", "X1", "X2");
const text = fc.constantFrom("one", "two");
/** Mostly what a column can hold. */
const rarely = <T, U>(usual: fc.Arbitrary<T>, unusual: U): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: fc.constant(unusual) });
/** Any choice of these columns. */
const some = (columns: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
  fc.record(columns, { requiredKeys: [] });

const listData = some({
  name: rarely(text, null),
  owner_id: rarely(user, null),
  id: rarely(fc.constant("own id"), "L9"),
  nosuch: fc.constant(1),
}).map((data) => ({ ...without(data, "nosuch", 9), ...without(data, "id", 2) }));

/** Leaves a column out of most of the records that have it, by what else is in them. */
function without(data: object, name: string, modulus: number): object {
  const { [name]: dropped, ...rest } = data as Record<string, unknown>;
  return dropped !== undefined && JSON.stringify(rest).length % modulus === 0 ? data : rest;
}

const listDataOnly = fc.oneof(
  { weight: 2, arbitrary: some({ name: rarely(text, null) }) },
  { weight: 1, arbitrary: some({ name: rarely(text, null), owner_id: rarely(user, null) }) },
);
const todoData = fc.record(
  {
    list_id: fc.oneof(
      { weight: 10, arbitrary: list },
      { weight: 1, arbitrary: fc.constantFrom("L9", null, "bad") },
    ),
    description: rarely(text, null),
    completed: rarely(fc.constantFrom(0, 1, true, "t", null), "maybe"),
    position: fc.constantFrom(1, 2.5, null),
  },
  { requiredKeys: [] },
);
const wholeTodo = fc.record({ list_id: list, description: text });
const thingData = some({
  code: rarely(fc.constantFrom("a", "b", null), "longer than eight"),
  size: rarely(fc.constantFrom(0, 7, null), -1),
  stock: rarely(fc.constantFrom(2, 3), null),
  parent_id: rarely(fc.oneof(thing, fc.constant(null)), "X9"),
});

const operation = (
  table: string,
  id: fc.Arbitrary<string>,
  data: fc.Arbitrary<object>,
): fc.Arbitrary<ModelOperation> =>
  fc
    .record({ op: fc.constantFrom("PUT", "PUT", "PATCH", "PATCH", "DELETE"), id, data })
    .map(({ op, id, data }) => ({
      op: op as ModelOperation["op"],
      table,
      id,
      ...(op !== "DELETE" && { op_data: data as Record<string, unknown> }),
    }));

const anyOperation = fc.oneof(
  { weight: 6, arbitrary: operation("lists", list, listDataOnly) },
  { weight: 2, arbitrary: operation("lists", rarely(list, "bad"), listData) },
  { weight: 5, arbitrary: operation("todos", todo, wholeTodo) },
  { weight: 5, arbitrary: operation("todos", todo, todoData) },
  { weight: 6, arbitrary: operation("things", thing, some({ code: fc.constantFrom("a", "b") })) },
  { weight: 6, arbitrary: operation("things", rarely(thing, "bad"), thingData) },
  { weight: 3, arbitrary: operation("hidden_lists", list, listDataOnly) },
  { weight: 2, arbitrary: operation("named_lists", list, some({ name: text })) },
  {
    weight: 2,
    arbitrary: operation(
      "my_todos",
      todo,
      some({ text: rarely(text, null), completed: fc.boolean(), position: text, other: text }),
    ),
  },
  { weight: 1, arbitrary: operation("half_absent", list, some({ name: text })) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      operation("half_absent", list, fc.constant({ no_such_column: 1 })),
      operation("absent", list, fc.constant({})),
      operation("nowhere", list, fc.constant({})),
      operation("named_lists", list, fc.constant({ owner_id: "alice" })),
      operation("things", thing, fc.constant({ doubled: 4 })),
      operation("things", thing, fc.constant({ size: 1.5 })),
      fc.constant<ModelOperation>({ op: "UPSERT", table: "lists", id: "L0" }),
    ),
  },
);

const anyTransaction = fc
  .record({
    crud: rarely(fc.array(anyOperation, { minLength: 1, maxLength: 4 }), []),
    ids: fc.constantFrom("each", "each", "each", "each", "transaction", "some", "none"),
  })
  .map(({ crud, ids }): Numbering => ({ crud, ids }));

const send: fc.Arbitrary<Send> = fc.record({
  kind: fc.constant("send" as const),
  user,
  client: fc.constantFrom("phone", "phone", "phone", "tablet", undefined),
  transactions: fc.array(anyTransaction, { minLength: 1, maxLength: 3, size: "max" }),
});

const again: fc.Arbitrary<Again> = fc.record({
  kind: fc.constant("again" as const),
  which: fc.nat(5),
  as: fc.constantFrom(undefined, undefined, undefined, "alice" as const, "bob" as const),
  changed: fc.constantFrom("nothing", "nothing", "key order", "metadata", "content"),
});

/** Mostly written as they are, by statements alone. But a thing may come before its parent, which each COMMIT is about. */
const calm: fc.Arbitrary<Send> = fc.record({
  kind: fc.constant("send" as const),
  user: fc.constant("alice" as const),
  client: fc.constantFrom("phone", "tablet"),
  transactions: fc.array(
    fc.record({
      crud: fc.array(
        fc.oneof(
          { weight: 2, arbitrary: operation("lists", list, fc.record({ name: text })) },
          {
            weight: 2,
            arbitrary: operation(
              "todos",
              todo,
              fc.record({ list_id: fc.constant("L0"), description: text }),
            ),
          },
          { weight: 1, arbitrary: operation("things", thing, fc.record({ parent_id: thing })) },
        ),
        { minLength: 1, maxLength: 2 },
      ),
      ids: fc.constantFrom("each", "transaction"),
    }),
    { minLength: 2, maxLength: 3 },
  ),
});

/** Most begin with rows to meet. */
const rowsOfBoth: Send = {
  kind: "send",
  user: "alice",
  client: "phone",
  transactions: [
    {
      ids: "each",
      crud: [
        { op: "PUT", table: "lists", id: "L0", op_data: { name: "first" } },
        { op: "PUT", table: "todos", id: "T0", op_data: { list_id: "L0", description: "a" } },
        { op: "PUT", table: "named_lists", id: "L1", op_data: { name: "second" } },
        { op: "PUT", table: "things", id: "X0", op_data: { code: "a", size: 1 } },
      ],
    },
  ],
};

const anySteps = fc
  .tuple(
    fc.oneof({ weight: 2, arbitrary: fc.constant(rowsOfBoth) }, { weight: 1, arbitrary: send }),
    fc.array(calm, { maxLength: 1 }),
    fc.array(fc.oneof({ weight: 2, arbitrary: send }, { weight: 1, arbitrary: again }), {
      maxLength: 5,
      size: "max",
    }),
  )
  .map(([first, second, rest]): readonly Step[] => [first, ...second, ...rest]);

/** Sequences share a database: each has ids and users of its own. */
let sequence = 0;

const kinds: Readonly<Record<string, string>> = { L: "1", T: "2", X: "3" };

function idOf(symbol: string, n: number): string {
  const kind = kinds[symbol.charAt(0)];
  return kind === undefined
    ? noUuid
    : `${n.toString(16).padStart(8, "0")}-0000-4000-8000-0000000000${kind}${symbol.charAt(1)}`;
}

function concrete(operation: ModelOperation, n: number): ModelOperation {
  const { op_data, ...rest } = operation;
  const id = idOf(operation.id, n);
  if (op_data === undefined) return { ...rest, id };
  const data = Object.entries(op_data).map(([name, value]): [string, unknown] => {
    if (typeof value !== "string") return [name, value];
    if (name === "id") return [name, value === "own id" ? id : idOf(value, n)];
    if (name === "list_id" || name === "parent_id") return [name, idOf(value, n)];
    if (name === "owner_id") return [name, `${value}-${n}`];
    if (name === "code" && value.length === 1) return [name, `${n.toString(36)}${value}`];
    return [name, value];
  });
  return { ...rest, id, op_data: Object.fromEntries(data) };
}

interface Upload {
  readonly user: string;
  readonly body: ModelUpload;
}

/** Numbers the entries as a device's queue does, and repeats what is sent again. */
function uploadsOf(steps: readonly Step[], n: number): readonly Upload[] {
  const uploads: Upload[] = [];
  let next = 1;
  const numbered = (transaction: Numbering): ModelTransaction => {
    const crud = transaction.crud.map((each) => concrete(each, n));
    const first = next;
    next += crud.length;
    switch (transaction.ids) {
      case "each":
        return { crud: crud.map((each, index) => ({ ...each, op_id: first + index })) };
      case "transaction":
        return { transaction_id: first, crud };
      case "some":
        return {
          transaction_id: first,
          crud: crud.map((each, index) => (index === 0 ? { ...each, op_id: first } : each)),
        };
      default:
        return { crud };
    }
  };
  for (const step of steps) {
    if (step.kind === "send") {
      const body = {
        ...(step.client !== undefined && { client_id: `${step.client}-${n}` }),
        transactions: step.transactions.map(numbered),
      };
      uploads.push({ user: `${step.user}-${n}`, body });
      continue;
    }
    const earlier = uploads[step.which % uploads.length];
    if (earlier === undefined) continue;
    const { user, body } = earlier;
    uploads.push({
      user: step.as === undefined ? user : `${step.as}-${n}`,
      body: { ...body, transactions: body.transactions.map((each) => changed(each, step, n)) },
    });
  }
  return uploads;
}

function changed(
  transaction: ModelTransaction,
  { changed: what }: Again,
  n: number,
): ModelTransaction {
  switch (what) {
    case "key order":
      return { ...transaction, crud: transaction.crud.map(reversed) };
    case "metadata":
      return {
        ...transaction,
        crud: transaction.crud.map((each) => ({ ...each, metadata: "again" })),
      };
    case "content":
      // A restored device: the same ids, and something else behind them.
      return {
        ...transaction,
        crud: transaction.crud.map((each) => ({
          ...each,
          op: "PATCH",
          table: "lists",
          id: idOf("L1", n),
          op_data: { name: "restored" },
        })),
      };
    case "nothing":
      return structuredClone(transaction);
  }
}

function reversed(operation: ModelOperation): ModelOperation {
  return operation.op_data === undefined
    ? operation
    : {
        ...operation,
        op_data: Object.fromEntries(Object.entries(operation.op_data).toReversed()),
      };
}

function outcomeOf(result: TransactionResult): Outcome {
  if (result.status !== "fatal_error") return { status: result.status };
  const { errorCode, operationIndex } = result.failedOperation;
  return {
    status: result.status,
    errorCode,
    ...(operationIndex !== undefined && { operationIndex }),
  };
}

async function storedRows(database: OpenTarget, n: number): Promise<Rows> {
  const byId = async (table: AppTable, symbols: readonly string[], columns: readonly string[]) => {
    const ids = symbols.map((symbol) => idOf(symbol, n));
    const rows = await database.rows(table, ids);
    return Object.fromEntries(rows.map((row) => [row["id"], picked(row, columns)]));
  };
  const rows = {
    lists: await byId("lists", ["L0", "L1", "L9"], ["name", "owner_id"]),
    todos: await byId("todos", ["T0", "T1"], ["list_id", "description", "completed", "position"]),
    things: await byId("things", ["X0", "X1", "X2", "X9"], ["code", "size", "stock", "parent_id"]),
  };
  return rows as unknown as Rows;
}

function picked(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column]]));
}

async function storedLetters(database: OpenTarget, n: number): Promise<readonly string[]> {
  const letters = await database.letters([`alice-${n}`, `bob-${n}`]);
  return letters
    .map(({ user_id, error_code, operation_index, root }) =>
      JSON.stringify([user_id, error_code, operation_index, root !== null]),
    )
    .toSorted();
}

/** The model has no clock: the targets share one thread, and on a busy machine it may be away for longer than a statement may take. */
const timeouts = {
  lockMs: 120_000,
  statementMs: 120_000,
  transactionMs: 240_000,
  requestMs: Infinity,
};

for (const target of drivenTargets) {
  const available = await target.available();
  const sequences = sequencesOn(target);
  // While one database writes to its disk, another has something to do.
  describe.skipIf(!available)(
    `sequences of uploads on ${target.name}`,
    { concurrent: true },
    () => {
      let database: OpenTarget;
      let together = 0;
      let writes: Record<"stop" | "skip" | "grouped", Writes<TestPrincipal>>;

      beforeAll(async () => {
        database = await target.open();
        writes = {
          stop: database.writes({ timeouts }),
          skip: database.writes({ timeouts, onFatal: "skip" }),
          grouped: database.writes({
            timeouts,
            onFatal: "skip",
            commit: "per-request",
            onEvent: (event) => {
              // All statements of those that commit together are the first one's.
              if (event.type === "transaction" && event.statements === 0 && event.ledger === "miss")
                together += 1;
            },
          }),
        };
      });
      afterAll(() => database.close());

      it(`${sequences} of them end as the model does`, { timeout: 900_000 }, async () => {
        const reached = new Set<string>();
        const property = async (steps: readonly Step[], how: "stop" | "skip" | "grouped") => {
          const onFatal = how === "stop" ? "stop" : "skip";
          sequence += 1;
          const n = sequence;
          const model = createModel(target);
          const before = await database.answered();
          const fullAnswers = new Map<string, TransactionResult>();
          for (const { user: userId, body } of uploadsOf(steps, n)) {
            // A database in the process answers without a turn of the event loop: the others, who run at the same time, would hear nothing for minutes.
            await new Promise((resolve) => setImmediate(resolve));
            const expected = model.send(body, userId, onFatal);
            const results = await writes[how].processBatch(body, { principal: { userId } });
            const outcomes = results.map(outcomeOf);
            expect(outcomes).toEqual(expected);
            for (const { status, errorCode } of expected) reached.add(errorCode ?? status);
            for (const [index, result] of results.entries()) {
              sameWords(fullAnswers, userId, body.client_id, body.transactions[index], result);
            }
          }
          expect(await storedRows(database, n)).toEqual(model.rows());
          expect(await storedLetters(database, n)).toEqual(
            model
              .letters()
              .map(({ userId, errorCode, operationIndex, dependant }) =>
                JSON.stringify([userId, errorCode, operationIndex, dependant]),
              )
              .toSorted(),
          );
          expect((await database.answered()) - before).toBe(model.answered());
        };
        const possible = everyOutcome.filter(
          (outcome) => target.references !== false || outcome !== "FOREIGN_KEY_VIOLATION",
        );
        const met = () =>
          isSecond(target) || (together > 0 && possible.every((outcome) => reached.has(outcome)));
        for (let runs = 0; runs === 0 || (runs < most && !met()); runs += sequences) {
          await fc.assert(
            fc.asyncProperty(
              anySteps,
              fc.constantFrom("stop" as const, "skip" as const, "grouped" as const),
              property,
            ),
            { numRuns: sequences },
          );
        }
        // What the sequences never meet, they can't judge.
        if (isSecond(target)) return;
        expect([...reached].toSorted()).toEqual(possible);
        expect(together).toBeGreaterThan(0);
      });
    },
  );
}

/** A replayed fatal answer is the first one, word for word. */
function sameWords(
  answers: Map<string, TransactionResult>,
  userId: string,
  clientId: string | undefined,
  transaction: ModelTransaction | undefined,
  result: TransactionResult,
): void {
  const known =
    clientId !== undefined && transaction?.crud.every(({ op_id }) => op_id !== undefined);
  if (known !== true || result.status !== "fatal_error") return;
  const key = JSON.stringify([userId, clientId, transaction]);
  expect(result).toEqual(answers.get(key) ?? result);
  answers.set(key, result);
}
