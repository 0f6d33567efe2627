/** What an error means: fatal only where that is known. */
import {
  AbortedTransactionError,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely";
import { describe, expect, it } from "vitest";
import {
  ApplicationFailure,
  badRequest,
  fatal,
  forbidden,
  retryable,
  unauthenticated,
} from "../../src/errors.js";
import { classify as classifyAny } from "../../src/process/classify.js";
import { createSqlStores } from "../../src/sql/store.js";
import { defaultTimeouts } from "../../src/wire/limits.js";

const kysely = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});
const openStore = createSqlStores({
  isolation: undefined,
  timeouts: defaultTimeouts,
  ownTables: undefined,
  severalRoles: false,
});
const store = await openStore(kysely, kysely);

/** What the application's own statements threw. */
function classify(error: unknown) {
  return classifyAny(error, store, true);
}

/** As drivers throw them: every word in it is the database's own. */
function driverError(code: string): Error {
  return Object.assign(new Error('secret: column "salary" of "staff"'), {
    code,
    detail: "secret",
    constraint: "secret_key",
  });
}

describe("classify", () => {
  it("takes a denial for the database's judgment under row-level security, and for a forgotten grant without", () => {
    const denied = driverError("42501");
    expect(classifyAny(denied, store, true, true)).toEqual({
      outcome: "fatal",
      errorCode: "UNAUTHORIZED",
      message: "The caller may not write this row.",
    });
    const forgotten = {
      outcome: "retryable",
      message: "The server is not set up for this change right now.",
    };
    expect(classifyAny(denied, store, true)).toEqual(forgotten);
    // Where role and claims are set, or the ledger is written.
    expect(classifyAny(denied, store, false, true)).toEqual(forgotten);
    expect(classifyAny(new ApplicationFailure(denied), store, true, true)).toEqual(forgotten);
  });

  it.each([
    ["an outage", driverError("57P01"), true],
    ["a connection that is refused", driverError("ECONNREFUSED"), true],
    ["a deadlock", driverError("40P01"), true],
    ["a lock that is waited for too long", driverError("55P03"), true],
    ["a missing column", driverError("42703"), undefined],
    ["a missing grant", driverError("42501"), undefined],
    ["a bug", new TypeError("x is undefined"), undefined],
    ["the application's own word", retryable("The quota is used up."), undefined],
  ])("says of %s whether it passes by itself", (_name, error, passes) => {
    const verdict = classify(error);
    expect(verdict.outcome).toBe("retryable");
    expect("passes" in verdict ? verdict.passes : undefined).toBe(passes);
  });

  it.each([
    ["23502", "NOT_NULL_VIOLATION"],
    ["23503", "FOREIGN_KEY_VIOLATION"],
    ["23001", "FOREIGN_KEY_VIOLATION"],
    ["23505", "UNIQUE_VIOLATION"],
    ["23514", "CHECK_VIOLATION"],
    ["44000", "CHECK_VIOLATION"],
    ["23P01", "CONSTRAINT_VIOLATION"],
    ["23000", "CONSTRAINT_VIOLATION"],
    ["P0001", "CONSTRAINT_VIOLATION"],
    ["22P02", "INVALID_DATA"],
    ["22003", "INVALID_DATA"],
    ["22001", "INVALID_DATA"],
    ["22P05", "INVALID_DATA"],
    // A limit that the value passes, such as an index's row size: it would fail for ever.
    ["54000", "INVALID_DATA"],
  ])("%s is fatal: %s, in words of its own", (code, errorCode) => {
    const verdict = classify(driverError(code));
    expect(verdict).toMatchObject({ outcome: "fatal", errorCode });
    expect(JSON.stringify(verdict)).not.toMatch(/secret|salary|staff/);
  });

  it.each([
    ["40001", "contention"],
    ["40P01", "contention"],
    ["42703", "schema"],
    ["42P01", "schema"],
    ["0A000", "schema"],
    ["42501", undefined],
    ["57P01", undefined],
    ["57014", undefined],
    ["53300", undefined],
    ["08006", undefined],
    ["58030", undefined],
    ["25P02", undefined],
    ["25006", undefined],
    ["55P03", undefined],
    ["40003", undefined],
    ["3D000", undefined],
    ["28P01", undefined],
    ["42601", undefined],
    ["XX000", undefined],
    ["P0002", undefined],
    ["ZZZZZ", undefined],
    ["ECONNREFUSED", undefined],
    ["EPIPE", undefined],
  ])("%s is retryable; again in the server: %s", (code, again) => {
    const verdict = classify(driverError(code));
    expect(verdict.outcome).toBe("retryable");
    expect("again" in verdict ? verdict.again : undefined).toBe(again);
    expect(JSON.stringify(verdict)).not.toMatch(/secret|salary|staff/);
  });

  it.each<[string, unknown]>([
    ["a bug", new TypeError("secret is not a function")],
    ["a transaction that had been aborted", new AbortedTransactionError()],
    ["nothing", undefined],
    ["null", null],
    ["text", "23505"],
    ["a number", 23505],
    ["a code that is a number", { code: 23505 }],
    ["a code in other letters", { code: "23p01" }],
    ["a name that every object has", { code: "valueOf" }],
    ["an error for authenticate", unauthenticated("secret")],
    ["another one", forbidden("secret")],
    ["an error for the request", badRequest(400, "secret")],
  ])("what it does not know is retryable: %s", (_name, error) => {
    const verdict = classify(error);
    expect(verdict).toEqual({ outcome: "retryable", message: expect.any(String) });
    expect(verdict.message).not.toContain("secret");
  });

  it.each(["23505", "22P02", "P0001", "54000"])(
    "%s is retryable where the library's own statements met it, for they break no rule of the application's",
    (code) => {
      expect(classifyAny(driverError(code), store, false).outcome).toBe("retryable");
    },
  );

  it("takes fatal() and retryable() at their word", () => {
    expect(classify(fatal("LIST_CLOSED", "Closed.", { list: 7 }))).toEqual({
      outcome: "fatal",
      errorCode: "LIST_CLOSED",
      message: "Closed.",
      details: { list: 7 },
    });
    expect(classify(fatal("LIST_CLOSED", "Closed."))).not.toHaveProperty("details");
    expect(classify(retryable("Later.", 1234))).toEqual({
      outcome: "retryable",
      message: "Later.",
      retryAfterMs: 1234,
    });
    expect(classify(retryable("Later."))).not.toHaveProperty("retryAfterMs");
  });

  it("knows them from another copy of the package", () => {
    const foreign = Object.defineProperty(
      Object.assign(new Error("Closed."), { code: "LIST_CLOSED" }),
      Symbol.for("powersync-writes.error"),
      { value: "fatal" },
    );
    expect(classify(foreign)).toMatchObject({
      outcome: "fatal",
      errorCode: "LIST_CLOSED",
    });
  });

  it("keeps of an application's details what JSON can hold, and the verdict in any case", () => {
    const cycle: Record<string, unknown> = {};
    cycle["inside"] = cycle;
    const details = (given: unknown) => {
      const verdict = classify(fatal("X", "x", given));
      expect(verdict).toMatchObject({ outcome: "fatal", errorCode: "X" });
      return "details" in verdict ? verdict.details : undefined;
    };
    expect(details({ at: new Date(0), left: undefined })).toEqual({
      at: "1970-01-01T00:00:00.000Z",
    });
    expect(details(cycle) ?? null).toBeNull();
    expect(details(() => 1) ?? null).toBeNull();
    expect(details(null)).toBeNull();
  });
});
