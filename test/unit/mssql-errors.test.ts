/** What an error of SQL Server, tedious or tarn means, and what it is about: by published numbers and words, for no server is asked. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Kysely, sql } from "kysely";
import { describe, expect, it } from "vitest";
import { applicationWord } from "../../src/sql/errors.js";
import type { SqlTable } from "../../src/sql/table.js";
import { blamed, codes, meaning, numbers, thrown } from "../../src/sql/mssql/errors.js";
import { mssqlDialect } from "../support/mssql/database.js";

const request = (number: number, message = "secret") =>
  Object.assign(new Error(message), { name: "RequestError", code: "EREQUEST", number });
const driver = (name: string, code: string | undefined, message = "secret") =>
  Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });

describe("the errors of SQL Server", () => {
  it("have one meaning each", () => {
    const all = Object.values(numbers).flat();
    expect(all).toEqual([...new Set(all)]);
  });

  it.each<[number, string]>([
    [515, "NOT_NULL_VIOLATION"],
    [2601, "UNIQUE_VIOLATION"],
    [2627, "UNIQUE_VIOLATION"],
    [550, "CHECK_VIOLATION"],
    [2628, "INVALID_DATA"],
    [8152, "INVALID_DATA"],
    [8114, "INVALID_DATA"],
    [241, "INVALID_DATA"],
    [13606, "INVALID_DATA"],
    [13609, "INVALID_DATA"],
    [13647, "INVALID_DATA"],
    [50_000, "CONSTRAINT_VIOLATION"],
    [51_234, "CONSTRAINT_VIOLATION"],
    [3609, "CONSTRAINT_VIOLATION"],
    [1205, "contention"],
    [3960, "contention"],
    [41302, "contention"],
    [1222, "busy"],
    [208, "schema"],
    [207, "schema"],
    [544, "generated"],
    [271, "generated"],
    [229, "permission"],
    [230, "permission"],
    [3906, "outage"],
    [1105, "outage"],
    [9002, "outage"],
    [4060, "outage"],
    [40197, "outage"],
    [49802, "outage"],
    // No plan could be made: of the statement, and not of its values.
    [8623, "outage"],
    [3966, "contention"],
    [3940, "contention"],
    // A temporal table's row that a transaction which began later has changed.
    [13535, "contention"],
    // No space for row versions; in an elastic pool.
    [3967, "outage"],
    [1132, "outage"],
    [40501, "outage"],
    [40613, "outage"],
    [49918, "outage"],
    [10928, "outage"],
    [10053, "outage"],
    [233, "outage"],
    [11728, "exhausted"],
    // What is not recognized is never the data's fault.
    [102, "other"],
    [512, "other"],
    // The statement's own words.
    [13610, "other"],
  ])("%i is %s", (number, expected) => {
    expect(meaning(request(number))).toBe(expected);
    expect(codes(request(number))).toEqual([String(number)]);
  });

  it.each([
    [
      'The INSERT statement conflicted with the FOREIGN KEY constraint "FK_a". The conflict occurred in database "d", table "dbo.lists", column \'id\'.',
      "FOREIGN_KEY_VIOLATION",
    ],
    [
      'The DELETE statement conflicted with the REFERENCE constraint "FK_a". The conflict occurred in database "d", table "dbo.todos", column \'list_id\'.',
      "FOREIGN_KEY_VIOLATION",
    ],
    [
      'The INSERT statement conflicted with the CHECK constraint "CK_a". The conflict occurred in database "d", table "dbo.things", column \'size\'.',
      "CHECK_VIOLATION",
    ],
    [
      'Die INSERT-Anweisung steht in Konflikt mit der CHECK-Einschränkung "CK_a".',
      "CHECK_VIOLATION",
    ],
    ["Something else is in conflict.", "CONSTRAINT_VIOLATION"],
  ])("547 goes by its words: %s", (message, expected) => {
    expect(meaning(request(547, message))).toBe(expected);
  });

  it("8115 of an IDENTITY is the table's, and no data's", () => {
    const message = "Arithmetic overflow error converting IDENTITY to data type int.";
    expect(meaning(request(8115, message))).toBe("exhausted");
    expect(meaning(request(8115, "Arithmetic overflow error converting numeric to int."))).toBe(
      "INVALID_DATA",
    );
  });

  it.each<[string, string | undefined, string, string | undefined]>([
    ["RequestError", "ETIMEOUT", "Timeout: Request failed to complete in 15000ms", "busy"],
    ["ConnectionError", "ETIMEOUT", "Failed to connect to x:1433 in 15000ms", "outage"],
    ["ConnectionError", "ELOGIN", "Login failed.", "outage"],
    ["ConnectionError", "ESOCKET", "Connection lost", "outage"],
    ["RequestError", "ECLOSE", "Connection closed before request completed.", "outage"],
    ["RequestError", "ECANCEL", "Canceled.", "outage"],
    ["RequestError", "EINVALIDSTATE", "Requests can only be made in the LoggedIn state", "outage"],
    ["TimeoutError", undefined, "operation timed out for an unknown reason", "outage"],
    // A value that the driver refuses is nobody's to judge.
    ["RequestError", "EPARAM", "Validation failed for parameter '1'.", undefined],
    ["Error", undefined, "anything", undefined],
  ])("of the driver's own, %s %s is %s", (name, code, message, expected) => {
    expect(meaning(driver(name, code, message))).toBe(expected);
    expect(codes(driver(name, code, message))).toEqual([]);
  });

  it("of a pool that gets no connection is an outage, whatever it says", async () => {
    // A port that nobody listens at any more.
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const url = `mssql://a:b@127.0.0.1:${port}/x`;
    const db = new Kysely<unknown>({ dialect: mssqlDialect(url, 1, 300) });
    const error = await sql`select 1`.execute(db).catch((thrownError: unknown) => thrownError);
    await db.destroy();
    expect(error).toBeInstanceOf(Error);
    expect(meaning(error)).toBe("outage");
  });

  it.each([undefined, null, 2627, "2627", { number: 2627 }])("are not %j", (error) => {
    expect(meaning(error)).toBeUndefined();
  });

  it("of one statement, several, mean what the one does that says why", () => {
    const refused = request(50_001, "Too many.");
    const several = thrown([request(3609), refused, request(266)]);
    expect(several).toBeInstanceOf(AggregateError);
    expect(several).toMatchObject({ message: "Too many.", number: 50_001, cause: refused });
    expect(meaning(several)).toBe("CONSTRAINT_VIOLATION");
    expect(codes(several)).toEqual(["50001"]);
    expect(meaning(thrown([request(3609)]))).toBe("CONSTRAINT_VIOLATION");
    expect(meaning(thrown([request(1205), request(3930)]))).toBe("contention");
    expect(thrown(refused)).toBe(refused);
  });

  it("can be given a word of the application's, but what passes can't be made fatal", () => {
    const word = (number: number, said: "QUOTA" | "retryable") =>
      applicationWord({ [number]: said }, codes(request(number)), meaning(request(number)));
    expect(word(51_234, "QUOTA")).toBe("QUOTA");
    expect(word(51_234, "retryable")).toBe("retryable");
    expect(word(1205, "QUOTA")).toBeUndefined();
    expect(word(40_501, "QUOTA")).toBeUndefined();
  });
});

describe("what an error of SQL Server is about", () => {
  const column = { array: false, nullable: true, hasDefault: false, generated: false, type: "int" };
  const table: SqlTable = {
    name: "things",
    source: { name: "things" },
    columns: new Map(
      ["id", "code", "size", "parent_id"].map((name) => [name, { name, ...column }]),
    ),
    lessons: { lockFirst: new Set(), unexplained: new Map() },
    traits: {
      declining: new Set(),
      rewritten: new Set(),
      lockable: true,
      versioned: false,
      rowSecurity: false,
      constraints: new Map([
        ["UQ_code", ["code"]],
        ["CK_size", ["size"]],
        ["FK_parent", ["parent_id"]],
      ]),
    },
  };

  it.each<[number, string, object]>([
    [
      515,
      "Cannot insert the value NULL into column 'size', table 'test.dbo.things'; column does not allow nulls. INSERT fails.",
      { columns: ["size"] },
    ],
    [
      2627,
      "Violation of UNIQUE KEY constraint 'UQ_code'. Cannot insert duplicate key in object 'dbo.things'. The duplicate key value is ('CK_size').",
      { columns: ["code"], constraint: "UQ_code" },
    ],
    [
      2601,
      "Cannot insert duplicate key row in object 'dbo.things' with unique index 'UQ_code'. The duplicate key value is (a).",
      { columns: ["code"], constraint: "UQ_code" },
    ],
    [
      547,
      'The INSERT statement conflicted with the CHECK constraint "CK_size". The conflict occurred in database "d", table "dbo.things", column \'size\'.',
      { columns: ["size"], constraint: "CK_size" },
    ],
    [
      547,
      'The INSERT statement conflicted with the FOREIGN KEY constraint "FK_parent". The conflict occurred in database "d", table "dbo.things", column \'id\'.',
      { columns: ["parent_id"], constraint: "FK_parent" },
    ],
    [
      547,
      'The DELETE statement conflicted with the REFERENCE constraint "FK_todo". The conflict occurred in database "d", table "dbo.todos", column \'thing\'.',
      { columns: [], constraint: "FK_todo", referred: true },
    ],
    [
      547,
      'The DELETE statement conflicted with the SAME TABLE REFERENCE constraint "FK_parent". The conflict occurred in database "d", table "dbo.things", column \'parent_id\'.',
      { columns: [], constraint: "FK_parent", referred: true },
    ],
    [
      547,
      'The INSERT statement conflicted with the FOREIGN KEY SAME TABLE constraint "FK_parent". The conflict occurred in database "d", table "dbo.things", column \'id\'.',
      { columns: ["parent_id"], constraint: "FK_parent" },
    ],
    [
      2628,
      "String or binary data would be truncated in table 'test.dbo.things', column 'code'. Truncated value: 'size'.",
      { columns: ["code"] },
    ],
    [8115, "Arithmetic overflow error converting numeric to data type numeric.", { columns: [] }],
  ])("%i: %s", (number, message, expected) => {
    expect(blamed(request(number, message), table)).toEqual(expected);
  });

  it("is nothing where the table is not known", () => {
    expect(blamed(request(515, "column 'size'"), undefined)).toEqual({ columns: [] });
  });
});
