import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  CrudEntry,
  CrudTransaction,
  InvalidTransaction,
  TransactionResult,
  Upload,
} from "../../src/model.js";
import { type BadRequestError, isBadRequest } from "../../src/errors.js";
import { parseJson } from "../../src/wire/parse-json.js";
import { defaultLimits, type Limits } from "../../src/wire/limits.js";
import { answerUpload, toWire, toWireTransaction } from "../../src/wire/answer.js";
import { identifiable, uploadOfRow } from "../../src/wire/entries.js";
import { Unread } from "../../src/wire/survey.js";
import { normalizeUpload } from "../../src/wire/upload.js";

const normalise = (body: unknown, limits: Limits = defaultLimits): Upload =>
  normalizeUpload(body, limits);
const entry = { op: "DELETE", table: "lists", id: "1" } as const;

function refusal(body: unknown, limits?: Limits): BadRequestError {
  try {
    normalise(body, limits);
  } catch (error) {
    if (isBadRequest(error)) return error;
    throw error;
  }
  throw new Error("It was not refused.");
}

function only({ transactions }: Upload): CrudTransaction | InvalidTransaction {
  expect(transactions).toHaveLength(1);
  return transactions[0] as CrudTransaction | InvalidTransaction;
}

function transactionId(body: object): unknown {
  return (only(normalise(body)) as CrudTransaction).transactionId;
}

describe("the envelope", () => {
  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["text", "transactions"],
    ["a number", 1],
    ["a list", [{ crud: [] }]],
    ["no shape", {}],
    ["another shape", { data: [] }],
    ["shapes that are null", { transactions: null, crud: null, batch: null }],
    ["transactions that are no list", { transactions: {} }],
    ["no transactions", { transactions: [] }],
    ["no transactions beside crud", { transactions: [], crud: [] }],
    ["a client_id that is not text", { client_id: 1, crud: [] }],
    ["a queue_id that is not text", { queue_id: {}, transactions: [{ crud: [] }] }],
  ])("is refused: %s", (_name, body) => {
    const { status, message } = refusal(body);
    expect(status).toBe(400);
    expect(message.length).toBeLessThan(200);
  });

  it("says what was expected", () => {
    expect(refusal({}).message).toBe(
      'Expected a JSON object with "transactions", "crud" or "batch".',
    );
    expect(refusal({ transactions: [] }).message).toBe(
      '"transactions" must be a list of at least one transaction.',
    );
    expect(refusal({ client_id: 1, crud: [] }).message).toBe(
      '"client_id" must be text, of at most 1024 characters.',
    );
  });

  it("may hold so many transactions", () => {
    const limits = { ...defaultLimits, transactions: 2 };
    const body = { transactions: [{ crud: [] }, { crud: [] }] };
    expect(normalise(body, limits).transactions).toHaveLength(2);
    body.transactions.push({ crud: [] });
    expect(refusal(body, limits)).toMatchObject({
      status: 400,
      message: expect.stringContaining("at most 2"),
    });
  });

  it.each(["", null, undefined])("takes %j for no client_id", (none) => {
    const upload = normalise({ client_id: none, queue_id: none, crud: [] });
    expect(upload).toStrictEqual({ shape: "single", transactions: [{ crud: [] }] });
  });

  it("ignores what it does not know", () => {
    const body = {
      on_fatal_error: "skip",
      client_id: "c",
      queue_id: "q",
      transactions: [{ crud: [entry], extra: 1 }],
    };
    expect(normalise(body)).toStrictEqual({
      shape: "batch",
      clientId: "c",
      queueId: "q",
      transactions: [{ crud: [entry] }],
    });
  });

  it("has one shape: another would be ignored", () => {
    const body = { transactions: [{ crud: [] }], crud: [entry], batch: [entry] };
    for (const name of ["transactions", "crud", "batch"] as const) {
      expect(refusal({ ...body, [name]: null }).status).toBe(400);
    }
    expect(refusal(body).message).toBe('Send "transactions" or "crud", not both.');
    expect(normalise({ ...body, crud: null, batch: null }).shape).toBe("batch");
    expect(normalise({ crud: [entry] }).shape).toBe("single");
    expect(normalise({ batch: [entry] }).shape).toBe("demo");
  });

  it("names the device by either name, and no two", () => {
    const devices = (body: object) => {
      const { clientId, queueId } = normalise({ ...body, crud: [] });
      return [clientId, queueId];
    };
    expect(devices({ clientId: "c", queueId: "q" })).toEqual(["c", "q"]);
    expect(devices({ client_id: "c", clientId: "c", queue_id: null, queueId: "q" })).toEqual([
      "c",
      "q",
    ]);
    expect(devices({ client_id: "", clientId: "c" })).toEqual(["c", undefined]);
    expect(refusal({ client_id: "c", clientId: "d", crud: [] }).status).toBe(400);
    expect(refusal({ queue_id: "c", queueId: "d", crud: [] }).status).toBe(400);
    expect(refusal({ clientId: 7, crud: [] }).message).toBe(
      '"clientId" must be text, of at most 1024 characters.',
    );
  });
});

describe("a transaction", () => {
  it.each<[string, unknown, number | undefined, string]>([
    ["null", null, undefined, "The transaction must be an object."],
    ["a list", [], undefined, "The transaction must be an object."],
    ["no crud", {}, undefined, 'The transaction has no "crud".'],
    ["crud that is null", { crud: null }, undefined, "crud must be a list."],
    [
      "an id that is text",
      { transaction_id: "1", crud: [] },
      undefined,
      "transaction_id must be an integer within ±9007199254740991.",
    ],
    [
      "an id that was rounded",
      { transaction_id: 2 ** 53, crud: [] },
      undefined,
      "transaction_id must be an integer within ±9007199254740991.",
    ],
    [
      "an id that is too large",
      { transaction_id: 2n ** 53n, crud: [] },
      undefined,
      "transaction_id must be an integer within ±9007199254740991.",
    ],
    ["an entry that is text", { crud: [entry, "x"] }, 1, "crud[1] must be an object."],
    ["no op", { crud: [{ table: "t", id: "1" }] }, 0, 'crud[0] has no "op".'],
    [
      "a small op",
      { crud: [{ ...entry, op: "put" }] },
      0,
      "crud[0].op must be one of PUT, PATCH, DELETE.",
    ],
    ["no table", { crud: [{ op: "PUT", id: "1", data: {} }] }, 0, 'crud[0] has no "table".'],
    [
      "tables that are null",
      { crud: [{ op: "PUT", id: "1", table: null, type: null, data: {} }] },
      0,
      "crud[0].type must be text.",
    ],
    ["an empty table", { crud: [{ ...entry, table: "" }] }, 0, "crud[0].table must not be empty."],
    [
      "an empty type",
      { crud: [{ op: "PUT", id: "1", type: "", data: {} }] },
      0,
      "crud[0].type must not be empty.",
    ],
    ["no row id", { crud: [{ op: "PUT", table: "t", data: {} }] }, 0, 'crud[0] has no "id".'],
    [
      "a row id that is a number",
      { crud: [entry, { ...entry, id: 1 }] },
      1,
      "crud[1].id must be text.",
    ],
    ["an empty row id", { crud: [{ ...entry, id: "" }] }, 0, "crud[0].id must not be empty."],
    [
      "op_data that is a list",
      { crud: [{ ...entry, op_data: [] }] },
      0,
      "crud[0].op_data must be an object.",
    ],
    [
      "data that is text",
      { crud: [{ ...entry, data: "{}" }] },
      0,
      "crud[0].data must be an object.",
    ],
    [
      "metadata that is an object",
      { crud: [{ ...entry, metadata: {} }] },
      0,
      "crud[0].metadata must be text.",
    ],
    [
      "an op_id with a fraction",
      { crud: [{ ...entry, op_id: 1.5 }] },
      0,
      "crud[0].op_id must be an integer within ±9007199254740991.",
    ],
  ])("is invalid in its place: %s", (_name, bad, operationIndex, invalid) => {
    const { transactions } = normalise({ transactions: [{ crud: [entry] }, bad, { crud: [] }] });
    const where = operationIndex === undefined ? {} : { operationIndex };
    expect(transactions).toStrictEqual([
      { crud: [entry] },
      { invalid, ...where, raw: bad },
      { crud: [] },
    ]);
  });

  it("is invalid beyond the limits, and the others are not", () => {
    const limits = { ...defaultLimits, operations: 2, depth: 2, keys: 2, stringLength: 12 };
    const beyond = (crud: unknown[]): InvalidTransaction =>
      normalise({ transactions: [{ crud }, { crud: [entry] }] }, limits)
        .transactions[0] as InvalidTransaction;
    expect(beyond([entry, entry, entry])).toMatchObject({
      invalid: expect.stringContaining("2 operations"),
    });
    expect(beyond([entry, { ...entry, op_data: { a: [[]] } }])).toMatchObject({
      operationIndex: 1,
    });
    expect(beyond([{ ...entry, op_data: { a: 1, b: 2, c: 3 } }])).toMatchObject({
      operationIndex: 0,
    });
    expect(beyond([{ ...entry, id: "1".repeat(13) }])).toMatchObject({ operationIndex: 0 });
    expect(normalise({ transactions: [{ crud: [entry] }] }, limits).transactions).toStrictEqual([
      { crud: [entry] },
    ]);
  });

  it("is measured before it is validated, however deep it is", () => {
    const deep: unknown = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    for (const body of [
      { crud: [{ ...entry, op_data: { deep } }] },
      { batch: [{ deep }] },
      { transactions: [deep] },
    ]) {
      expect(only(normalise(body))).toHaveProperty("invalid");
    }
  });

  it.each([{ crud: 1 }, { crud: [1] }, { batch: {} }, { batch: [{}] }])(
    "alone and bad is still answered: %j",
    (body) => {
      expect(only(normalise(body))).toMatchObject({ invalid: expect.any(String), raw: body });
    },
  );

  const spelled: readonly [string, readonly string[], keyof CrudEntry, unknown, unknown][] = [
    ["the data", ["op_data", "opData", "data"], "opData", { a: 1 }, { a: 2 }],
    [
      "the row before",
      ["previous_values", "previousValues", "old"],
      "previousValues",
      { a: 1 },
      {},
    ],
    ["the transaction's id", ["transaction_id", "transactionId", "tx_id"], "transactionId", 0, 1],
    ["the entry's id", ["op_id", "opId", "clientId"], "opId", 0, 7],
    ["the table", ["table", "type"], "table", "lists", "todos"],
  ];
  it.each(spelled)("reads %s by each of its names", (_what, names, member, value, other) => {
    const plain: Record<string, unknown> = { op: "PUT", id: "1", table: "lists", op_data: {} };
    for (const name of names) delete plain[name];
    const read = (members: object) => only(normalise({ crud: [{ ...plain, ...members }] }));
    for (const name of names) {
      const none = Object.fromEntries(names.map((each) => [each, null]));
      expect(read({ ...none, [name]: value })).toMatchObject({ crud: [{ [member]: value }] });
      for (const second of names) {
        if (second === name) continue;
        const same = { [name]: value, [second]: structuredClone(value) };
        expect(read(same)).toMatchObject({ crud: [{ [member]: value }] });
        const two = { [name]: value, [second]: other };
        expect(read(two)).toMatchObject({
          invalid: expect.stringContaining("different values"),
          operationIndex: 0,
          raw: { crud: [two] },
        });
      }
    }
  });

  it.each(["transaction_id", "transactionId", "tx_id"])("has its id by %s", (name) => {
    expect(transactionId({ [name]: 5, crud: [entry] })).toBe(5);
    const two = { transaction_id: 4, [name === "tx_id" ? "transactionId" : "tx_id"]: 5 };
    expect(only(normalise({ ...two, crud: [entry] }))).toHaveProperty("invalid");
  });

  it.each([
    ["a longer list", [1, [2]], [1, [2], 3]],
    ["a list and an object", { a: [] }, { a: {} }],
    ["a member more", { a: { b: 1 } }, { a: { b: 1, c: null } }],
    ["a member of Object.prototype", { toString: 1 }, { valueOf: 1 }],
    ["-0", { a: 0 }, { a: -0 }],
    ["a number and its digits", { a: 1 }, { a: "1" }],
  ])("does not take %s for the same data", (_what, one, other) => {
    const crud = [{ op: "PUT", table: "lists", id: "1", data: { one }, op_data: { one: other } }];
    expect(only(normalise({ crud }))).toHaveProperty("invalid");
    const same = [{ ...crud[0], op_data: { one: structuredClone(one) } }];
    expect(only(normalise({ crud: same }))).not.toHaveProperty("invalid");
  });

  it("ends where data contains itself", async () => {
    const around = (): Record<string, unknown> => {
      const made: Record<string, unknown> = {};
      for (const name of ["a", "b", "c"]) made[name] = made;
      return made;
    };
    const crud = [{ op: "PUT", table: "lists", id: "1", data: around(), op_data: around() }];
    expect(only(normalise({ crud }))).toHaveProperty("invalid");
    expect(await identifiable({ crud })).toBeDefined();
  });

  it("is not read where a row by itself has more values than may be", async () => {
    const text = JSON.stringify(Array.from({ length: 100 }, () => 1));
    const body = { table: "lists", id: "1", data: new Unread(text, "values") };
    const { transactions } = normalise(uploadOfRow("PUT", body));
    expect(transactions).toEqual([
      {
        invalid: expect.stringContaining("values"),
        raw: { batch: JSON.stringify([{ ...body, data: text, op: "PUT" }]) },
      },
    ]);
    expect(await identifiable((transactions[0] as InvalidTransaction).raw)).toBeUndefined();
  });

  it("takes data for the same whatever the order of its members", () => {
    const crud = [
      { ...entry, op: "PUT", op_data: { a: [1], b: null }, opData: { b: null, a: [1] } },
    ];
    expect(only(normalise({ crud }))).toHaveProperty("crud");
  });

  it.each(["PUT", "PATCH"])("carries data with every %s, and be it none", (op) => {
    for (const data of [undefined, null]) {
      const names = ["op_data", "opData", "data", "values", "payload", "record"];
      for (const name of names) {
        const crud = [entry, { ...entry, op, [name]: data, later: { a: 1 } }];
        expect(only(normalise({ crud }))).toMatchObject({
          invalid: 'crud[1] has no "op_data".',
          operationIndex: 1,
          raw: { crud },
        });
      }
    }
    expect(only(normalise({ crud: [{ ...entry, op, data: {} }] }))).toMatchObject({
      crud: [{ opData: {} }],
    });
  });

  it("takes null for absent", () => {
    const none = { op_id: null, opId: null, tx_id: null, data: null, old: null, metadata: null };
    expect(
      only(normalise({ crud: [{ ...entry, ...none, table: null, type: "b" }] })),
    ).toStrictEqual({ crud: [{ ...entry, table: "b" }] });
    const zero = { ...entry, op_id: 0, transaction_id: 1, metadata: "" };
    expect(only(normalise({ crud: [zero] }))).toStrictEqual({
      transactionId: 1,
      crud: [{ ...entry, opId: 0, transactionId: 1, metadata: "" }],
    });
  });

  it("has its own id, or the one that all entries share", () => {
    expect(transactionId({ transaction_id: 5, crud: [{ ...entry, tx_id: 6 }] })).toBe(5);
    expect(
      transactionId({
        crud: [
          { ...entry, tx_id: 6 },
          { ...entry, transaction_id: 6 },
        ],
      }),
    ).toBe(6);
    expect(
      transactionId({
        crud: [
          { ...entry, tx_id: 6 },
          { ...entry, tx_id: 7 },
        ],
      }),
    ).toBeUndefined();
    expect(transactionId({ crud: [{ ...entry, tx_id: 6 }, entry] })).toBeUndefined();
    expect(transactionId({ crud: [] })).toBeUndefined();
  });

  it("passes the client's values on as they are", () => {
    const body = parseJson(
      '{"crud":[{"op":"PUT","table":"__proto__","id":"1","__proto__":{"table":"x"},"op_data":{"__proto__":{"polluted":1},"constructor":2,"n":9223372036854775807}}],"__proto__":{"client_id":"x"}}',
    ) as { crud: [{ op_data: object }] };
    const upload = normalise(body);
    const [first] = (only(upload) as CrudTransaction).crud;
    expect(first?.opData).toBe(body.crud[0].op_data);
    expect(Object.keys(first?.opData ?? {})).toEqual(["__proto__", "constructor", "n"]);
    expect(first?.opData?.n).toBe(9223372036854775807n);
    expect(first?.table).toBe("__proto__");
    expect(upload).not.toHaveProperty("clientId");
    expect(Object.getPrototypeOf(first)).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
  });
});

/** Hostile JSON around the contract's own names, so that it gets past the first check. */
const names = [
  "transactions",
  "crud",
  "batch",
  "client_id",
  "op",
  "table",
  "type",
  "id",
  "op_data",
  "data",
  "__proto__",
  "x",
];
const near = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium" },
    fc.constantFrom<unknown[]>(null, "PUT", "DELETE", "", "t", 1, -1.5, 2n ** 64n, true, [], {}),
    fc.jsonValue(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;

describe("any JSON", () => {
  const before = Object.getOwnPropertyNames(Object.prototype);

  it("is read, or refused as a bad request", () => {
    fc.assert(
      fc.property(near, (body) => {
        expect(() => {
          try {
            normalise(body);
          } catch (error) {
            if (!isBadRequest(error)) throw error;
          }
        }).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });

  it("is one result each inside an envelope", () => {
    fc.assert(
      fc.property(fc.array(near, { minLength: 1, maxLength: 5 }), (transactions) => {
        const read = normalise({ transactions }).transactions;
        expect(read).toHaveLength(transactions.length);
        expect(read.every((each) => "crud" in each !== "invalid" in each)).toBe(true);
      }),
    );
  });
});

const values = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true, maxKeys: 4 });
const anyEntry: fc.Arbitrary<CrudEntry> = fc.record(
  {
    op: fc.constantFrom("PUT", "PATCH", "DELETE"),
    table: fc.string({ minLength: 1 }),
    id: fc.string({ minLength: 1 }),
    opId: fc.maxSafeNat(),
    opData: values,
    previousValues: values,
    metadata: fc.string(),
  },
  { requiredKeys: ["op", "table", "id"], noNullPrototype: true },
);
const anyTransaction: fc.Arbitrary<CrudTransaction> = fc
  .tuple(
    fc.array(anyEntry.map(withData), { minLength: 1, maxLength: 4 }),
    fc.option(fc.nat(), { nil: undefined }),
  )
  .map(([crud, transactionId]) =>
    transactionId === undefined
      ? { crud }
      : { transactionId, crud: crud.map((each) => ({ ...each, transactionId })) },
  );

/** What is written has data. */
function withData(each: CrudEntry): CrudEntry {
  return each.op === "DELETE" ? each : { opData: {}, ...each };
}

/** The properties of the SDK's CrudEntry. */
const spread = ({ opId, ...rest }: CrudEntry): object => ({ clientId: opId, ...rest });

/** As the SDK's CrudEntry.toJSON() has it. */
const sdk = ({
  op,
  table,
  id,
  opId,
  transactionId,
  opData,
  previousValues,
  metadata,
}: CrudEntry): object => ({
  op_id: opId,
  op,
  type: table,
  id,
  tx_id: transactionId,
  data: opData,
  old: previousValues,
  metadata,
});

describe("every shape", () => {
  it("of the same transaction is the same transaction", () => {
    fc.assert(
      fc.property(anyTransaction, (transaction) => {
        const wire = toWireTransaction(transaction);
        const entries = transaction.crud.map(sdk);
        const bodies: [object, Upload["shape"]][] = [
          [{ transactions: [wire] }, "batch"],
          [{ transactions: [{ crud: wire.crud }] }, "batch"],
          [{ transactions: [{ crud: entries }] }, "batch"],
          [wire, "single"],
          [{ crud: entries }, "single"],
          [{ batch: entries }, "demo"],
          [{ transactions: [{ crud: transaction.crud.map(spread) }] }, "batch"],
          [{ ...transaction, crud: transaction.crud.map(spread) }, "single"],
          [{ batch: transaction.crud }, "demo"],
          [{ batch: wire.crud }, "demo"],
        ];
        for (const [body, shape] of bodies) {
          // As it would arrive.
          const upload = normalise(JSON.parse(JSON.stringify({ client_id: "c", ...body })));
          expect(upload.shape).toBe(shape);
          expect(upload.clientId).toBe("c");
          expect(only(upload)).toEqual(JSON.parse(JSON.stringify(transaction)));
        }
      }),
    );
  });
});

const fatalResult: TransactionResult = {
  status: "fatal_error",
  message: "A value is missing.",
  failedOperation: {
    errorCode: "NOT_NULL_VIOLATION",
    message: "A value is missing.",
    details: { column: "name" },
    operationIndex: 0,
  },
  requiresClientHandling: false,
};
const wireFatal = {
  status: "fatal_error",
  requires_client_handling: false,
  message: "A value is missing.",
  failed_operation: {
    error_code: "NOT_NULL_VIOLATION",
    message: "A value is missing.",
    details: { column: "name" },
    operation_index: 0,
  },
};

describe("the answer", () => {
  it("is in the wire's words", () => {
    expect(toWire({ status: "success" })).toStrictEqual({ status: "success" });
    expect(toWire({ status: "not_attempted" })).toStrictEqual({ status: "not_attempted" });
    expect(toWire({ status: "retryable_error", message: "m" })).toStrictEqual({
      status: "retryable_error",
      message: "m",
    });
    expect(toWire(fatalResult)).toStrictEqual(wireFatal);
    expect(toWire({ ...fatalResult, failedOperation: { errorCode: "MINE" } })).toStrictEqual({
      ...wireFatal,
      failed_operation: { error_code: "MINE" },
    });
  });

  it.each([
    [1500, 1500],
    [0.2, 1],
    [-5, 0],
    [Number.NaN, undefined],
    [Infinity, Number.MAX_SAFE_INTEGER],
  ])("makes a wait of %d ms fit the contract", (retryAfterMs, wait) => {
    const answer = wait === undefined ? {} : { retry_after_ms: wait };
    expect(toWire({ status: "retryable_error", message: "m", retryAfterMs })).toStrictEqual({
      status: "retryable_error",
      message: "m",
      ...answer,
    });
  });

  it("to a batch has a result for each", () => {
    expect(
      answerUpload("batch", [{ status: "success" }, fatalResult, { status: "not_attempted" }]),
    ).toStrictEqual({
      status: 200,
      body: { results: [{ status: "success" }, wireFatal, { status: "not_attempted" }] },
    });
  });

  it("to a single transaction is its bare result", () => {
    expect(answerUpload("single", [fatalResult])).toStrictEqual({ status: 200, body: wireFatal });
    expect(answerUpload("single", [{ status: "not_attempted" }]).body).toMatchObject({
      status: "retryable_error",
    });
  });

  it("to a demo client is its HTTP status", () => {
    expect(answerUpload("demo", [{ status: "success" }])).toMatchObject({ status: 200 });
    expect(answerUpload("demo", [fatalResult])).toStrictEqual({
      status: 200,
      body: { message: "A value is missing." },
    });
    const busy = { status: "retryable_error", message: "busy" } as const;
    expect(answerUpload("demo", [busy])).toStrictEqual({
      status: 503,
      headers: { "retry-after": "5" },
      body: { message: "busy" },
    });
    expect(answerUpload("demo", [{ ...busy, retryAfterMs: 1001 }]).headers).toStrictEqual({
      "retry-after": "2",
    });
    expect(answerUpload("demo", [{ status: "not_attempted" }])).toMatchObject({
      status: 503,
      headers: { "retry-after": "5" },
    });
  });

  it("to a demo client is never 200 for what has not been recorded", () => {
    expect(answerUpload("demo", [{ ...fatalResult, requiresClientHandling: true }])).toMatchObject({
      status: 503,
    });
    expect(answerUpload("demo", [])).toMatchObject({ status: 503 });
  });
});
