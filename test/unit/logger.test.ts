/** The lines for whoever operates the server. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWrites, type Logger, type Principal, type WriteEvent } from "../../src/index.js";
import { createLog } from "../../src/events/logger.js";
import { emitter } from "../../src/events/emit.js";
import { ofApplication } from "../../src/errors.js";
import { memoryStore } from "../../src/store/memory.js";

type Level = "error" | "warn" | "info" | "debug";
type Line = readonly [Level, string];

function recording(levels: readonly Level[] = ["error", "warn", "info", "debug"]) {
  const lines: Line[] = [];
  const note = (level: Level) => (line: string) => void lines.push([level, line]);
  const logger: Logger = {
    error: note("error"),
    warn: note("warn"),
    ...(levels.includes("info") && { info: note("info") }),
    ...(levels.includes("debug") && { debug: note("debug") }),
  };
  return { lines, logger };
}

const id = "c-1";
const failure = (error: unknown, more: object = {}): WriteEvent => ({
  type: "error",
  correlationId: id,
  during: "persist",
  error,
  outcome: "retryable",
  ...more,
});
const transaction: WriteEvent = {
  type: "transaction",
  correlationId: id,
  userId: "alice",
  status: "success",
  operations: 2,
  attempts: 1,
  statements: 5,
  ledger: "miss",
  flown: false,
  durationMs: 3,
};
const request: WriteEvent = {
  type: "request",
  correlationId: id,
  method: "POST",
  path: "/api/data",
  status: 200,
  durationMs: 4,
};
const letter = (more: object = {}): WriteEvent => ({
  type: "dead_letter",
  correlationId: id,
  id: "l-1",
  userId: "alice",
  errorCode: "NOT_NULL_VIOLATION",
  message: 'Column "a": A required value is missing.',
  repeat: false,
  ...more,
});
const rowMissing: WriteEvent = {
  type: "row_missing",
  correlationId: id,
  table: "lists",
  id: "x",
  op: "PATCH",
  operationIndex: 0,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("each event's line", () => {
  const cases: readonly (readonly [WriteEvent, ...Line])[] = [
    [
      failure(new Error("bug", { cause: new TypeError("why") }), { operationIndex: 2 }),
      "error",
      "retryable failure during persist, operation 2: Error: bug; caused by TypeError: why",
    ],
    [
      failure(new Error("bug"), { outcome: "ignored", during: "committed" }),
      "warn",
      "ignored failure during committed: Error: bug",
    ],
    [
      failure(new Error("taken"), { outcome: "fatal" }),
      "debug",
      "fatal failure during persist: Error: taken",
    ],
    [failure("text"), "error", "retryable failure during persist: text"],
    [
      {
        type: "dead_letter",
        correlationId: id,
        id: "l-1",
        userId: "alice",
        errorCode: "CHECK_VIOLATION",
        message: "No.",
        repeat: false,
      },
      "warn",
      'dead letter l-1: CHECK_VIOLATION, user "alice". No. Remedy: fix the cause and retry the letter, or discard it',
    ],
    [
      {
        type: "dead_letter",
        correlationId: id,
        id: "l-1",
        userId: "alice",
        errorCode: "CHECK_VIOLATION",
        message: "No.",
        repeat: true,
      },
      "warn",
      'dead letter l-1: CHECK_VIOLATION, user "alice", recorded before. No. Remedy: fix the cause and retry the letter, or discard it',
    ],
    [
      { type: "schema_missing", correlationId: id, table: "lists" },
      "error",
      'the table "lists" is declared, but missing in the database; writes wait on the device. Remedy: create it, or correct its name in the rule; if it exists, give the login role access to it',
    ],
    [
      { type: "schema_missing", correlationId: id, table: "lists", column: "name" },
      "error",
      'the column "name" of table "lists" is declared, but missing in the database; writes wait on the device. Remedy: create it, or correct its name in the rule; if it exists, give the login role access to it',
    ],
    [
      { type: "server_value", correlationId: id, table: "t", column: "by", why: "It is NULL." },
      "error",
      "the value that the server sets for t.by does not fit the column; writes wait on the device. It is NULL. Remedy: change the column's type, or the value from the rule's owner, set, setOnInsert or isMember",
    ],
    [
      { type: "precision_lost", correlationId: id, table: "t", column: "big", cure: "Do this." },
      "warn",
      "an integer for t.big was rounded before it reached the library. Do this.",
    ],
    [
      { type: "body_missing", correlationId: id, cure: "Do that." },
      "error",
      "an upload came without its body; writes wait on the device. Do that.",
    ],
    [
      { type: "body_parsed", correlationId: id, kept: "value", cure: "Do that." },
      "warn",
      "a body parser parses uploads before their caller is authenticated: it rounds integers beyond 2^53, refuses bodies above its own size limit, and its memory is not counted against limits.bodyBytes and limits.memoryBytes. Do that.",
    ],
    [
      { type: "body_parsed", correlationId: id, kept: "text", cure: "Do that." },
      "info",
      "middleware reads uploads before their caller is authenticated, up to its own size limit. Do that.",
    ],
    [
      { type: "not_ready", correlationId: id, problems: ["One.", "Two."] },
      "error",
      "not ready: One. Two.",
    ],
    [
      { type: "dead_letter_handled", correlationId: id, id: "l-1", outcome: "retried" },
      "info",
      "dead letter l-1: retried",
    ],
    [{ type: "pruned", correlationId: id, removed: 7 }, "info", "pruned 7 rows"],
    [rowMissing, "debug", 'PATCH found no row "x" in lists'],
    [transaction, "debug", "transaction: success, 2 operations"],
    [request, "debug", "POST /api/data: 200"],
  ];

  it.each(cases)("$type: %#", (event, level, text) => {
    const { lines, logger } = recording();
    createLog(logger).tell(event);
    expect(lines).toEqual([[level, `powersync-writes: ${text} [${id}]`]]);
  });

  it("has at most five causes, and ends where they go round", () => {
    const { lines, logger } = recording();
    const round = new Error("round");
    round.cause = round;
    createLog(logger).tell(failure(round));
    expect(lines[0]?.[1].match(/round/g)).toHaveLength(5);
  });

  it("has one for what can't be made text", () => {
    const { lines, logger } = recording();
    const emit = emitter([createLog(logger)]);
    emit(failure(Object.create(null)));
    expect(lines).toHaveLength(1);
  });

  it("names the application's own error, and not what it was wrapped in", async () => {
    const { lines, logger } = recording();
    const error: unknown = await ofApplication(() => {
      throw new RangeError("mine");
    }).catch((thrown: unknown) => thrown);
    emitter([createLog(logger)])(failure(error));
    expect(lines).toEqual([
      ["error", `powersync-writes: retryable failure during persist: RangeError: mine [${id}]`],
    ]);
  });
});

const hostile = {
  newline: "a\nb",
  "carriage return": "a\rb",
  "line separator": "a\u2028b",
  "paragraph separator": "a\u2029b",
  "vertical tab": "a\u000bb",
};

describe("one line, whatever the texts hold", () => {
  const breaks = /[\p{Cc}\u2028\u2029]/u;
  it.each(Object.entries(hostile))("%s", (_, text) => {
    const { lines, logger } = recording();
    const { tell } = createLog(logger);
    void tell(failure(new Error(text)));
    void tell({ ...rowMissing, table: text, id: text } as WriteEvent);
    void tell({ type: "schema_missing", correlationId: id, table: text, column: text });
    void tell({ type: "not_ready", correlationId: id, problems: [text, text] });
    void tell({
      type: "dead_letter",
      correlationId: id,
      id: text,
      userId: text,
      errorCode: text,
      message: text,
      repeat: false,
    });
    void tell({ ...request, method: text, path: text } as WriteEvent);
    expect(lines).toHaveLength(6);
    for (const [, line] of lines) expect(line).not.toMatch(breaks);
  });

  it.each([
    ["\u001b[2J", "an escape sequence, which a terminal obeys"],
    ["\u0085", "NEL, which some terminals take for the end of a line"],
    ["\b\b\b", "backspaces"],
  ])("%j", (text) => {
    const { lines, logger } = recording();
    createLog(logger).tell(failure(new Error(`a${text}b`)));
    expect(lines[0]?.[1]).not.toMatch(/\p{Cc}/u);
  });
});

describe("the same problem", () => {
  const bug = (correlationId = id) => failure(new Error("bug"), { correlationId });

  it("is written once a minute, with how often it came", () => {
    const { lines, logger } = recording();
    const { tell } = createLog(logger);
    const texts = () => lines.map(([, line]) => line);
    const line = (from: string) =>
      `powersync-writes: retryable failure during persist: Error: bug [${from}]`;
    void tell(bug("c-1"));
    void tell(bug("c-2"));
    void tell(failure(new Error("another")));
    vi.advanceTimersByTime(59_999);
    void tell(bug("c-3"));
    expect(texts()).toHaveLength(2);
    expect(texts()[0]).toBe(line("c-1"));
    vi.advanceTimersByTime(1);
    void tell(bug("c-4"));
    expect(texts().slice(2)).toEqual([`${line("c-4")} (2 more of the same since)`]);
    // From then on anew.
    vi.advanceTimersByTime(59_999);
    void tell(bug("c-5"));
    expect(texts()).toHaveLength(3);
    vi.advanceTimersByTime(60_001);
    void tell(bug("c-6"));
    expect(texts().slice(3)).toEqual([`${line("c-6")} (1 more of the same since)`]);
    vi.advanceTimersByTime(60_000);
    void tell(bug("c-7"));
    expect(texts().slice(4)).toEqual([line("c-7")]);
  });

  it("is the same for another operation, row and number, and for another user's letter", () => {
    const { lines, logger } = recording();
    const { tell } = createLog(logger);
    const row = () => crypto.randomUUID();
    for (const n of [1, 2, 3]) {
      void tell(failure(new Error(`No row ${row()} among ${n}`), { operationIndex: n }));
      void tell(letter({ id: row(), userId: `user ${n}` }));
    }
    expect(lines).toHaveLength(2);
    void tell(letter({ errorCode: "CHECK_VIOLATION" }));
    void tell(letter({ about: { table: "t", columns: ["a"] } }));
    expect(lines).toHaveLength(4);
  });

  it("is another one for another cause, and for another table of a like name", () => {
    const { lines, logger } = recording();
    const { tell } = createLog(logger);
    void tell({ type: "schema_missing", correlationId: id, table: "events_2024" });
    void tell({ type: "schema_missing", correlationId: id, table: "events_2025" });
    void tell(failure(new Error("bug", { cause: new Error("one") })));
    void tell(failure(new Error("bug", { cause: new Error("two") })));
    expect(lines).toHaveLength(4);
  });

  it("is forgotten behind a thousand others", () => {
    const { lines, logger } = recording();
    const { tell } = createLog(logger);
    for (let n = 0; n <= 1_000; n += 1) void tell(failure(new Error(`bug${n}`)));
    expect(lines).toHaveLength(1_001);
    void tell(failure(new Error("bug1000")));
    void tell(failure(new Error("bug1")));
    expect(lines).toHaveLength(1_001);
    void tell(failure(new Error("bug0")));
    expect(lines).toHaveLength(1_002);
  });
});

describe("who gets them", () => {
  it("makes no line of what only a debugger reads, without `debug`", () => {
    const { lines, logger } = recording(["info"]);
    const read = vi.fn(() => "POST");
    const seen = Object.defineProperty({ ...request }, "method", { get: read });
    const emit = emitter([createLog(logger)]);
    for (const event of [seen, request, transaction, rowMissing]) emit(event as WriteEvent);
    emit(failure(new Error("taken"), { outcome: "fatal" }));
    expect(read).not.toHaveBeenCalled();
    expect(lines).toEqual([]);
  });

  it("makes none for `info` where there is no `info`", () => {
    const { lines, logger } = recording([]);
    emitter([createLog(logger)])({ type: "pruned", correlationId: id, removed: 1 });
    expect(lines).toEqual([]);
  });

  it("does without a logger that throws", () => {
    const throwing = () => {
      throw new Error("disk full");
    };
    const { tell } = createLog({ error: throwing, warn: throwing });
    expect(() => tell(failure(new Error("bug")))).not.toThrow();
  });

  it("keeps a logger's `this`", () => {
    class Own {
      readonly lines: string[] = [];
      error(line: string): void {
        this.lines.push(line);
      }
      warn(line: string): void {
        this.lines.push(line);
      }
    }
    const own = new Own();
    createLog(own).tell(failure(new Error("bug")));
    expect(own.lines).toHaveLength(1);
  });

  /** A transaction that waits for a table. */
  async function waiting(options: { readonly logger?: false | Logger }) {
    const writes = createWrites<Principal, never>({
      authenticate: () => ({ userId: "alice" }),
      database: memoryStore({ tables: { lists: { columns: { id: "uuid" } } } }) as never,
      tables: { absent: { access: "everyone" } },
      ...options,
    });
    const crud = [{ op: "PUT", table: "absent", id: "1", op_data: { a: 1 } }];
    const result = await writes.processTransaction({ crud }, { principal: { userId: "alice" } });
    expect(result.status).toBe("retryable_error");
  }
  const consoleLines = () =>
    (["error", "warn", "info", "debug", "log"] as const).map(
      (level) => [level, vi.spyOn(console, level).mockImplementation(() => undefined)] as const,
    );

  it("is the console by default, and warnings and errors alone", async () => {
    const spies = consoleLines();
    await waiting({});
    const calls = spies.flatMap(([level, { mock }]) => mock.calls.map((call) => [level, ...call]));
    expect(calls).toEqual([
      ["error", expect.stringMatching(/^powersync-writes: the table "absent" is declared/)],
      ["error", expect.stringMatching(/^powersync-writes: retryable failure during/)],
    ]);
  });

  it("is nobody with `logger: false`", async () => {
    const spies = consoleLines();
    await waiting({ logger: false });
    for (const [, spy] of spies) expect(spy).not.toHaveBeenCalled();
  });

  it("is an object that is given, and not the console", async () => {
    const spies = consoleLines();
    const { lines, logger } = recording();
    await waiting({ logger });
    for (const [, spy] of spies) expect(spy).not.toHaveBeenCalled();
    expect(lines.map(([level]) => level)).toEqual(["error", "error", "debug"]);
  });
});
