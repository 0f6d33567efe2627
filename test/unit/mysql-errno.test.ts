/** What an error of MySQL, MariaDB or mysql2 means: fatal only where that is known. */
import { describe, expect, it } from "vitest";
import { meaning } from "../../src/sql/mysql/errors.js";

const driverError = (fields: object, message = "secret") =>
  Object.assign(new Error(message), fields);

describe("the errors of MySQL and MariaDB", () => {
  it.each<[string, object]>([
    // MySQL's ER_INNODB_AUTOEXTEND_SIZE_OUT_OF_RANGE has the number of MariaDB's failed CHECK.
    ["a number that two servers use", { errno: 4025, sqlState: "HY000" }],
    ["a number that no table has", { errno: 1064, sqlState: "42000" }],
  ])("of the server's mean nothing in particular for %s", (_what, fields) => {
    expect(meaning(driverError(fields))).toBe("other");
  });

  it.each<[string, object]>([
    ["a number in text", { errno: "1062" }],
    ["a name alone", { code: "ER_DUP_ENTRY" }],
    ["a socket's number", { errno: -111, code: "ECONNREFUSED" }],
  ])("are nobody's to judge for %s", (_what, fields) => {
    expect(meaning(driverError(fields))).toBeUndefined();
  });

  it.each([undefined, null, 1062, "1062", { errno: 1062 }])("are not %j", (error) => {
    expect(meaning(error)).toBeUndefined();
  });

  it.each([
    ["45000", 1644, "CONSTRAINT_VIOLATION"],
    ["45000", 30_001, "CONSTRAINT_VIOLATION"],
    ["45123", 1644, "CONSTRAINT_VIOLATION"],
    ["40001", 1644, "contention"],
    ["22007", 1644, "INVALID_DATA"],
    ["HY000", 1644, "CONSTRAINT_VIOLATION"],
    ["U0001", 1644, "CONSTRAINT_VIOLATION"],
    ["08006", 1644, "outage"],
    ["02000", 1643, "other"],
    // No signal: a number of the server's that has none of the application's states.
    ["U0001", 30_001, "other"],
  ])(
    "of a trigger that signals %s, as %i, mean what its SQLSTATE does, or that it refuses the row",
    (sqlState, errno, expected) => {
      expect(meaning(driverError({ errno, sqlState }))).toBe(expected);
    },
  );

  it.each([
    ["PROTOCOL_CONNECTION_LOST", "Connection lost: The server closed the connection."],
    [undefined, "Pool is closed."],
    [undefined, "Queue limit reached."],
    [undefined, "No connections available."],
    [undefined, "Can't add new command when connection is in closed state"],
  ])("of the driver's own, %s, are an outage: %s", (code, message) => {
    expect(meaning(driverError({ code }, message))).toBe("outage");
  });
});
