/** A failure that the client decides about: its answer is saved with how often the client has been asked, and copies that come late write nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { TransactionResult, WriteEvent, Writes } from "../../src/index.js";
import { dialects } from "../support/databases.js";
import { alice, from, patch, put, uuid, writesWithEvents } from "../support/letters.js";
import type { OpenTarget, TargetOptions } from "../support/target.js";
import { targets } from "../support/targets.js";
import type { TestPrincipal } from "../support/writes.js";

const [child, parent] = [uuid(1), uuid(2)];
const ask = { deadLetters: { requiresClientHandling: () => true } };

/** Refused while its parent is missing. */
const adoption = put("things", child, { parent_id: parent, size: 1 });
/** The nth copy's number; without one, as other clients send it. */
const copy = (handling?: number | null, ...crud: readonly object[]) => ({
  ...from("phone", 1, ...(crud.length > 0 ? crud : [adoption])),
  ...(handling !== undefined && { handling }),
});

const success = { status: "success" };
const asked = {
  status: "fatal_error",
  requiresClientHandling: true,
  failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION" },
};
const recorded = { ...asked, requiresClientHandling: false };

describe.each(targets)("on $name", ({ available, open }) => {
  let target: OpenTarget | undefined;
  const opened = (): OpenTarget => {
    if (target === undefined) throw new Error("There is no such database.");
    return target;
  };

  beforeAll(async () => {
    if (await available()) target = await open();
  });
  beforeEach(async ({ skip }) => {
    skip(target === undefined);
    await target?.reset();
  });
  afterAll(() => target?.close());

  const made = (options: TargetOptions = ask): Writes<TestPrincipal> => opened().writes(options);
  const send = (body: object, writes: Writes<TestPrincipal> = made()): Promise<TransactionResult> =>
    writes.processTransaction(body, alice);
  const addParent = () => opened().insert({ things: [{ id: parent }] });
  const childSize = async () =>
    (await opened().rows("things", [child])).map(({ size }) => size).at(0);

  it("gives a copy the saved answer until the client has decided, and tries it then", async () => {
    const writes = made();
    const first = await send(copy(0), writes);
    expect(first).toMatchObject(asked);
    await addParent();
    for (const handling of [0, 0]) expect(await send(copy(handling), writes)).toEqual(first);
    expect(await childSize()).toBeUndefined();
    expect(await send(copy(1), writes)).toEqual(success);
    await opened().change("things", child, { size: 7 });
    // Success is final, whatever the number.
    for (const handling of [0, 1, 2, undefined])
      expect(await send(copy(handling), writes)).toEqual(success);
    expect(await childSize()).toBe(7);
    expect(await opened().letters()).toEqual([]);
  });

  it("applies no copy over what the user has written since letting it go", async () => {
    const writes = made();
    expect(await send(copy(0), writes)).toMatchObject(asked);
    await addParent();
    expect(await send(from("phone", 2, put("things", child, { size: 9 })), writes)).toEqual(
      success,
    );
    expect(await send(copy(0), writes)).toMatchObject(asked);
    expect(await childSize()).toBe(9);
  });

  it("applies no copy over the edit that the user has sent in its place", async () => {
    const writes = made();
    expect(await send(copy(0), writes)).toMatchObject(asked);
    await addParent();
    expect(await send(copy(1, put("things", child, { size: 5 })), writes)).toEqual(success);
    expect(await send(copy(0), writes)).toMatchObject(asked);
    expect(await childSize()).toBe(5);
  });

  it("saves each answer anew, with its number", async () => {
    const writes = made();
    for (const handling of [0, 1]) expect(await send(copy(handling), writes)).toMatchObject(asked);
    await addParent();
    for (const handling of [0, 1]) expect(await send(copy(handling), writes)).toMatchObject(asked);
    expect(await childSize()).toBeUndefined();
    expect(await send(copy(2), writes)).toEqual(success);
    expect(await childSize()).toBe(1);
  });

  it("records it in the end, if the server decides so; that is final", async () => {
    expect(await send(copy(0))).toMatchObject(asked);
    expect(await send(copy(0), made({}))).toMatchObject(asked);
    expect(await opened().letters()).toEqual([]);
    const answer = await send(copy(1), made({}));
    expect(answer).toMatchObject(recorded);
    await addParent();
    for (const handling of [0, 1, 2, undefined]) expect(await send(copy(handling))).toEqual(answer);
    expect(await opened().letters()).toMatchObject([{ attempts: 1 }]);
    expect(await childSize()).toBeUndefined();
  });

  it.each([[undefined], [null]])(
    "saves nothing for a client that sends %s, and tries what it sends",
    async (none) => {
      const writes = made();
      const before = await opened().answered();
      for (const time of [1, 2]) {
        expect([time, await send(copy(none), writes)]).toMatchObject([time, asked]);
      }
      expect(await opened().answered()).toBe(before);
      await addParent();
      expect(await send(copy(none), writes)).toEqual(success);
      expect(await childSize()).toBe(1);
    },
  );

  it("tries what comes without a number also where an answer is saved", async () => {
    const writes = made();
    expect(await send(copy(4), writes)).toMatchObject(asked);
    expect(await send(copy(), writes)).toMatchObject(asked);
    await addParent();
    expect(await send(copy(4), writes)).toMatchObject(asked);
    expect(await send(copy(), writes)).toEqual(success);
  });

  it("holds for what is refused as it came, too", async () => {
    const crud = [1, 2].map((n) => put("lists", uuid(n), { name: "Groceries" }));
    const limits = { bodyBytes: 2048, transactions: 1, operations: 1 };
    const refused = { requiresClientHandling: true, status: "fatal_error" };
    expect(await send(copy(0, ...crud), made({ ...ask, limits }))).toMatchObject(refused);
    expect(await send(copy(0, ...crud))).toMatchObject(refused);
    expect(await opened().rows("lists")).toEqual([]);
    expect(await send(copy(1, ...crud))).toEqual(success);
    expect(await opened().rows("lists")).toHaveLength(2);
  });

  it("holds for a dependant of a dead letter, too", async () => {
    const poison = put("things", child, { size: -1 });
    expect((await send(from("phone", 8, poison), made({}))).status).toBe("fatal_error");
    const edit = patch("things", child, { size: 3 });
    const depends = { failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } };
    expect(await send(copy(0, edit))).toMatchObject({ ...asked, ...depends });
    await opened().insert({ things: [{ id: child, size: 2 }] });
    expect(await send(copy(0, edit))).toMatchObject({ ...asked, ...depends });
    expect(await childSize()).toBe(2);
    expect(await send(copy(1, edit))).toEqual(success);
    expect(await childSize()).toBe(3);
  });

  it(
    "gives what a copy has been answered meanwhile, between the failure and its saving",
    {
      timeout: 30_000,
    },
    async () => {
      for (const handling of [0, 1]) {
        await opened().reset();
        const meanwhile: TransactionResult[] = [];
        const writes = made({
          deadLetters: {
            requiresClientHandling: async () => {
              if (meanwhile.length === 0) {
                await addParent();
                // From here on it could be applied; the one that is being answered has been undone by now.
                const other = handling === 0 ? made() : writes;
                meanwhile.push(await send(copy(handling), other));
                await opened().change("things", child, { size: 7 });
              }
              return true;
            },
          },
        });
        expect(await send(copy(0), writes)).toEqual(success);
        expect(meanwhile).toEqual([success]);
        expect(await childSize()).toBe(7);
      }
    },
  );

  it("gives a late copy what the client was asked about last, and never the other way round", async () => {
    let nested = false;
    const writes = made({
      deadLetters: {
        requiresClientHandling: async () => {
          if (!nested) {
            nested = true;
            // The client has the answer to another copy already, and has decided.
            expect(await send(copy(0), made())).toMatchObject(asked);
            expect(await send(copy(1), made())).toMatchObject(asked);
          }
          return true;
        },
      },
    });
    expect(await send(copy(0), writes)).toMatchObject(asked);
    await addParent();
    expect(await send(copy(1), made())).toMatchObject(asked);
    expect(await childSize()).toBeUndefined();
    expect(await send(copy(2), made())).toEqual(success);
  });

  it("is applied once, by however many copies at once in two processes", async () => {
    const events: WriteEvent[] = [];
    const options = { ...ask, onEvent: (event: WriteEvent) => void events.push(event) };
    const servers = [made(options), made(options)];
    expect(await send(copy(0))).toMatchObject(asked);
    await addParent();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        send(copy(index < 8 ? 1 : 0), servers[index % 2] ?? made()),
      ),
    );
    for (const answer of answers.slice(0, 8)) expect(answer).toEqual(success);
    // These have been overtaken, or not.
    for (const answer of answers.slice(8)) {
      expect([success.status, asked.status]).toContain(answer.status);
    }
    const ledger = events.flatMap((event) => (event.type === "transaction" ? [event.ledger] : []));
    expect(ledger.filter((how) => how === "miss")).toHaveLength(1);
    expect(await childSize()).toBe(1);
  });

  it.each([-1, 1.5, "1", true, 2 ** 31])("takes no %j for a number", async (handling) => {
    const before = await opened().answered();
    expect(await send({ ...copy(), handling })).toMatchObject({
      ...asked,
      failedOperation: { errorCode: "INVALID_TRANSACTION" },
    });
    expect(await opened().answered()).toBe(before);
  });
});

describe.each(dialects.filter(({ concurrent }) => concurrent))("on $name", (dialect) => {
  it("is tried by one of two at once, and the other one waits for its answer", async ({
    skip,
    onTestFinished,
  }) => {
    skip(!(await dialect.available()), "There is no such database.");
    const { db, close } = await dialect.open();
    onTestFinished(close);
    const [one, two] = [writesWithEvents(db, ask), writesWithEvents(db, ask)];
    expect(await one.writes.processTransaction(copy(0), alice)).toMatchObject(asked);
    await db.insertInto("things").values({ id: parent }).execute();
    one.events.length = 0;
    const sent = [one, two].map(({ writes }) => writes.processTransaction(copy(1), alice));
    expect(await Promise.all(sent)).toEqual([success, success]);
    const how = [...one.events, ...two.events].flatMap((event) =>
      event.type === "transaction" ? [event.ledger] : [],
    );
    expect(how.toSorted()).toEqual(["hit", "miss"]);
  });
});
