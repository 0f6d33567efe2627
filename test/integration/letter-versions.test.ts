/** Versions of dead letters on every store: what names a version does nothing once the letter has been edited, also where several come at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { WriteEvent, Writes } from "../../src/index.js";
import { alice, badThing, from, goodThing, patch, put, uuid } from "../support/letters.js";
import type { OpenTarget } from "../support/target.js";
import { everyTarget } from "../support/targets.js";
import type { TestPrincipal } from "../support/writes.js";

describe.each(everyTarget)("$name", (target) => {
  let database: OpenTarget;
  let writes: Writes<TestPrincipal>;
  let letters: Writes<TestPrincipal>["deadLetters"];
  let events: WriteEvent[];
  let available = true;

  beforeAll(async () => {
    available = await target.available();
    if (!available) return;
    database = await target.open();
    writes = database.writes({ onEvent: (event) => void events.push(event) });
    letters = writes.deadLetters;
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await database.reset();
    events = [];
  });
  afterAll(() => database?.close());

  const read = async (id: string) => {
    const letter = await letters.get(id);
    if (letter === undefined) throw new Error(`There is no letter ${id}.`);
    return letter;
  };
  /** The version of an open letter's, which is for the thing with this number. */
  const record = async (n = 1) => {
    await writes.processTransaction(from("phone", n, badThing(uuid(n))), alice);
    const page = await letters.list({ status: "open" });
    const id = page.letters[0]?.id ?? "";
    return { id, version: (await read(id)).version };
  };
  const sized = (size: number) => ({ crud: [goodThing(uuid(1), size)] });
  const sizes = async () => (await database.rows("things")).map(({ size }) => size);
  const handled = () =>
    events.flatMap((event) => (event.type === "dead_letter_handled" ? [event.outcome] : []));

  it("changes with the payload, and with nothing else", async () => {
    const { id, version } = await record();
    expect(version).toMatch(/^[\da-f]{32}$/);
    expect(await letters.retry(id)).toMatchObject({ status: "failed" });
    expect(await read(id)).toMatchObject({ version, attempts: 2 });
    const seen = new Set([version]);
    for (const payload of [
      sized(1),
      sized(2),
      { crud: [put("things", uuid(1), { size: "2" })] },
      { crud: [put("things", uuid(1), { size: 2n ** 60n })] },
    ]) {
      expect(await letters.edit(id, payload)).toEqual({ status: "edited" });
      seen.add((await read(id)).version);
    }
    expect(seen.size).toBe(5);
    await letters.edit(id, sized(1));
    expect(seen).toContain((await read(id)).version);
  });

  it("of an earlier reading edits, retries and discards nothing", async () => {
    const { id, version } = await record();
    expect(await letters.edit(id, sized(3), { version })).toEqual({ status: "edited" });
    const edited = await read(id);
    expect(handled()).toEqual(["edited"]);
    const changed = { status: "changed" };
    for (const old of [version, [version], [], [version, ""]]) {
      expect(await letters.edit(id, sized(4), { version: old })).toEqual(changed);
      expect(await letters.retry(id, { version: old })).toEqual(changed);
      expect(await letters.retry(id, { version: old, force: true })).toEqual(changed);
      expect(await letters.discard(id, "Old.", { version: old })).toEqual(changed);
    }
    expect(await read(id)).toEqual(edited);
    expect(await sizes()).toEqual([]);
    expect(handled()).toEqual(["edited"]);

    const both = [version, edited.version];
    expect(await letters.edit(id, sized(5), { version: both })).toEqual({ status: "edited" });
    expect(await letters.retry(id, { version: edited.version })).toEqual(changed);
    expect(await letters.retry(id, { version: (await read(id)).version })).toEqual({
      status: "retried",
    });
    expect(await sizes()).toEqual([5]);
    // What it has come to says more than that it has been edited.
    const closed = { status: "not_open", is: "retried" };
    expect(await letters.edit(id, sized(6), { version })).toEqual(closed);
    expect(await letters.retry(id, { version })).toEqual(closed);
    expect(await letters.discard(id, "Old.", { version })).toEqual(closed);
    const other = await record(2);
    expect(await letters.discard(other.id, "Old.", { version: other.version })).toEqual({
      status: "discarded",
    });
    expect(await letters.edit(uuid(9), sized(6), { version })).toEqual({ status: "not_found" });
  });

  it.each([
    ["short", ""],
    ["long", "x".repeat(1_200_000)],
  ])("lets one of several edits at once win: %s payloads", async (_length, code) => {
    const { id } = await record();
    const edit = (size: number, version?: string) =>
      letters.edit(
        id,
        { crud: [put("things", uuid(1), { size, code })] },
        version === undefined ? {} : { version },
      );
    await edit(0);
    const { version } = await read(id);
    events = [];
    const results = await Promise.all([1, 2, 3].map((size) => edit(size, version)));
    const won = results.flatMap(({ status }, index) => (status === "edited" ? [index + 1] : []));
    expect(won).toHaveLength(1);
    expect(results.filter(({ status }) => status === "changed")).toHaveLength(2);
    expect((await read(id)).payload).toMatchObject({ crud: [{ op_data: { size: won[0] } }] });
    expect(handled()).toEqual(["edited"]);
  });

  it("lets either an edit or a retry at the same time win", async () => {
    for (let n = 1; n <= 4; n += 1) {
      await database.reset();
      const { id } = await record();
      await letters.edit(id, sized(1));
      const { version } = await read(id);
      const edits = () => letters.edit(id, sized(2), { version });
      const retries = () => letters.retry(id, { version });
      const [one, other] = n % 2 === 0 ? [edits, retries] : [retries, edits];
      const statuses = (await Promise.all([one(), other()])).map(({ status }) => status);
      const isEdited = statuses.includes("edited");
      expect(statuses.toSorted()).toEqual(
        isEdited ? ["changed", "edited"] : ["not_open", "retried"],
      );
      expect(await sizes()).toEqual(isEdited ? [] : [1]);
    }
  });

  it("of a dependant stands for the letter that was asked for", async () => {
    const root = await record();
    await writes.processTransaction(from("phone", 2, patch("things", uuid(1), { size: 7 })), alice);
    const [dependant] = (await letters.list({ root: root.id })).letters;
    const id = dependant?.id ?? "";
    const { version } = await read(id);
    await letters.edit(id, { crud: [patch("things", uuid(1), { size: 8 })] }, { version });
    await letters.edit(root.id, sized(1), { version: root.version });
    expect(await letters.retry(id, { version })).toEqual({ status: "changed" });
    expect(await letters.retry(root.id, { version: root.version })).toEqual({ status: "changed" });
    expect(await sizes()).toEqual([]);
    expect(await letters.retry(id, { version: (await read(id)).version })).toMatchObject({
      status: "retried",
      dependants: { retried: [root.id] },
    });
    expect(await sizes()).toEqual([8]);
  });

  it("is text, or a list of texts", async () => {
    const { id } = await record();
    for (const version of [7, null, [7], {}] as unknown as readonly string[]) {
      await expect(letters.edit(id, sized(1), { version })).rejects.toThrow(/must be text/);
      await expect(letters.retry(id, { version })).rejects.toThrow(/must be text/);
      await expect(letters.discard(id, "Old.", { version })).rejects.toThrow(/must be text/);
    }
    expect(await read(id)).toMatchObject({ status: "open", edited: false, attempts: 1 });
  });
});
