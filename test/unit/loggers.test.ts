/** `logger` takes loggers as they are, and `JSON.stringify` of an event keeps its error. */
import { ConsoleLogger, Logger as NestLogger } from "@nestjs/common";
import { pino } from "pino";
import { afterEach, describe, expect, it, vi } from "vitest";
import { emitter } from "../../src/emit.js";
import { fatal, ofApplication } from "../../src/errors.js";
import { createWrites, type Principal, type WriteEvent } from "../../src/index.js";
import { createLog, type Logger } from "../../src/logger.js";
import { memoryStore } from "../../src/store/memory.js";

const correlationId = "c-1";
const failed: WriteEvent = {
  type: "error",
  correlationId,
  during: "persist",
  error: new Error("It broke.", { cause: new TypeError("why") }),
  outcome: "retryable",
};
const letter: WriteEvent = {
  type: "dead_letter",
  correlationId,
  id: "l-1",
  userId: "alice",
  errorCode: "CHECK_VIOLATION",
  message: "No.",
  repeat: false,
};
const pruned: WriteEvent = { type: "pruned", correlationId, removed: 3 };
const request: WriteEvent = {
  type: "request",
  correlationId,
  method: "POST",
  path: "/api/data",
  status: 200,
  durationMs: 1,
};
const all = [failed, letter, pruned, request];

afterEach(() => {
  vi.restoreAllMocks();
  NestLogger.overrideLogger(new ConsoleLogger());
});

const texts = [
  /^powersync-writes: retryable failure during persist: Error: It broke\.; caused by TypeError: why \[c-1\]$/,
  /^powersync-writes: dead letter l-1: CHECK_VIOLATION/,
  /^powersync-writes: pruned 3 rows \[c-1\]$/,
  /^powersync-writes: POST \/api\/data: 200 \[c-1\]$/,
];

describe("a logger is taken as it is", () => {
  /** As `createWrites` takes it. */
  function given(logger: Logger) {
    createWrites<Principal, never>({
      authenticate: () => ({ userId: "alice" }),
      database: memoryStore({ tables: {} }) as never,
      tables: { lists: { access: "everyone" } },
      logger,
    });
    return emitter([createLog(logger)]);
  }

  it("pino", () => {
    const lines: { readonly level: number; readonly msg: string }[] = [];
    const logger = pino(
      { level: "debug" },
      { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
    );
    const emit = given(logger);
    for (const event of all) emit(event);
    const { error, warn, info, debug } = logger.levels.values;
    expect(lines.map(({ level }) => level)).toEqual([error, warn, info, debug]);
    for (const [index, { msg }] of lines.entries()) expect(msg).toMatch(texts[index] as RegExp);
  });

  it("Nest's", () => {
    const lines: (readonly [level: string, line: unknown])[] = [];
    const note = (level: string) => (line: unknown) => void lines.push([level, line]);
    NestLogger.overrideLogger({
      error: note("error"),
      warn: note("warn"),
      log: note("log"),
      debug: note("debug"),
    });
    const emit = given(new NestLogger("writes"));
    for (const event of all) emit(event);
    // Nest's has no `info`: that is its `log`.
    expect(lines.map(([level]) => level)).toEqual(["error", "warn", "log", "debug"]);
    for (const [index, [, line]] of lines.entries()) expect(line).toMatch(texts[index] as RegExp);
  });

  it("the console", () => {
    const lines: (readonly [level: string, line: unknown])[] = [];
    for (const level of ["error", "warn", "info", "debug", "log"] as const)
      vi.spyOn(console, level).mockImplementation((line) => void lines.push([level, line]));
    const emit = given(console);
    for (const event of all) emit(event);
    expect(lines.map(([level]) => level)).toEqual(["error", "warn", "info", "debug"]);
  });
});

describe("JSON.stringify(event)", () => {
  function jsonOf(error: unknown): unknown {
    let text = "";
    const emit = emitter([{ tell: (event) => void (text = JSON.stringify(event)) }]);
    emit({ ...failed, error } as WriteEvent);
    return (JSON.parse(text) as { readonly error?: unknown }).error;
  }

  it("keeps the error's name, message and cause, and what else there is", () => {
    let text = "";
    emitter([{ tell: (event) => void (text = JSON.stringify(event)) }])(failed);
    expect(JSON.parse(text)).toEqual({
      ...failed,
      error: { name: "Error", message: "It broke.", cause: { name: "TypeError", message: "why" } },
    });
  });

  it("keeps a driver's code", () => {
    const error = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    expect(jsonOf(error)).toEqual({ name: "Error", message: "refused", code: "ECONNREFUSED" });
  });

  it("keeps what Node says of several addresses", () => {
    const error = new AggregateError([new Error("::1"), new Error("127.0.0.1")]);
    expect(jsonOf(error)).toMatchObject({ errors: [{ message: "::1" }, { message: "127.0.0.1" }] });
  });

  it("ends where causes go round", () => {
    const round = new Error("round");
    round.cause = round;
    expect(JSON.stringify(jsonOf(round)).match(/round/g)).toHaveLength(5);
  });

  it("has something of what is no error", () => {
    expect(jsonOf("text")).toBe("text");
    expect(jsonOf({ a: 1 })).toEqual({ a: 1 });
    expect(jsonOf(1n)).toBe("1");
    const round: { self?: unknown } = {};
    round.self = round;
    expect(jsonOf(round)).toBe("[object Object]");
  });

  it("names the application's error, and not what it was wrapped in", async () => {
    const error: unknown = await ofApplication(() => {
      throw new RangeError("mine");
    }).catch((thrown: unknown) => thrown);
    expect(jsonOf(error)).toEqual({ name: "RangeError", message: "mine" });
  });

  it("leaves the event as it was for everybody else", () => {
    let seen: WriteEvent | undefined;
    emitter([{ tell: (event) => void (seen = event) }])(failed);
    expect(Object.keys(seen ?? {})).toEqual(Object.keys(failed));
    expect(seen).toMatchObject({ error: failed.type === "error" ? failed.error : undefined });
    expect(jsonOf(fatal("NO", "No."))).toMatchObject({ code: "NO", message: "No." });
  });
});

describe("a line of an error without a message of its own", () => {
  it("says which addresses were tried", () => {
    const lines: string[] = [];
    const note = (line: string) => void lines.push(line);
    const error = Object.assign(new AggregateError([new Error("connect ECONNREFUSED ::1:5432")]), {
      code: "ECONNREFUSED",
    });
    createLog({ error: note, warn: note }).tell({ ...failed, error } as WriteEvent);
    expect(lines[0]).toMatch(/connect ECONNREFUSED ::1:5432/);
  });
});
