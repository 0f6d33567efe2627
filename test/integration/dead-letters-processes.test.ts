/** Dead letters and several processes: one effect, and none of a process that is killed half way. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Kysely } from "kysely";
import { afterEach, describe, expect, it } from "vitest";
import { createTables } from "../../src/index.js";
import { openByUrl } from "../support/by-url.js";
import { createTestTables } from "../support/databases.js";
import { alice, badThing, from, uuid, writesWithEvents } from "../support/letters.js";
import { program } from "../support/program.js";
import type { TestSchema } from "../support/schema.js";
import { type Shared, shared } from "../support/shared.js";

const script = await program(new URL("../support/letter-process.ts", import.meta.url));

describe.each(Object.entries(shared))("%s", (_name, make) => {
  const children: ChildProcess[] = [];
  let place: (Shared & { readonly db: Kysely<TestSchema> }) | undefined;

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await place?.db.destroy();
    await place?.drop();
    place = undefined;
  });

  /** A letter that can be applied now. */
  const prepare = async (skip: (condition: boolean) => void) => {
    const made = await make();
    skip(made === undefined);
    if (made === undefined) throw new Error("Skipped.");
    place = { ...made, db: openByUrl(made.url) };
    await createTestTables(place.db, place.tables);
    await createTables(place.db);
    const { writes, letters } = writesWithEvents(place.db);
    await writes.processTransaction(from("phone", 1, badThing(uuid(1))), alice);
    const id = (await letters.list()).letters[0]?.id ?? "";
    await letters.edit(id, {
      crud: [{ op: "PUT", table: "members", id: `${uuid(1)}.x`, op_data: {} }],
    });
    return { db: place.db, letters, id, url: place.url };
  };

  const start = async (url: string, id: string, mode: string) => {
    const child = fork(script, [url, id, mode], {
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    children.push(child);
    await next(child);
    return child;
  };

  const next = async (child: ChildProcess): Promise<unknown> => {
    const [message] = (await once(child, "message", {
      signal: AbortSignal.timeout(90_000),
    })) as unknown[];
    return message;
  };

  it("a letter that two processes retry again and again is applied once", async ({ skip }) => {
    const { db, letters, id, url } = await prepare(skip);
    const two = await Promise.all([start(url, id, "go"), start(url, id, "go")]);
    const answers = two.map(next);
    for (const child of two) child.send("go");
    const statuses = (await Promise.all(answers)).flat();
    expect(statuses.filter((status) => status === "retried")).toHaveLength(1);
    expect(statuses.filter((status) => status !== "retried")).toEqual(Array(9).fill("not_open"));
    expect(await letters.get(id)).toMatchObject({ status: "retried" });
    expect(await db.selectFrom("members").selectAll().execute()).toHaveLength(1);
  });

  it("a process that is killed in the middle of a retry leaves the letter open", async ({
    skip,
  }) => {
    const { db, letters, id, url } = await prepare(skip);
    const child = await start(url, id, "stop");
    const written = next(child);
    child.send("go");
    expect(await written).toBe("written");
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    expect(await letters.get(id)).toMatchObject({ status: "open", attempts: 1 });
    expect(await db.selectFrom("members").selectAll().execute()).toEqual([]);
    await expect
      .poll(() => letters.retry(id), { timeout: 90_000 })
      .toMatchObject({ status: "retried" });
    expect(await db.selectFrom("members").selectAll().execute()).toHaveLength(1);
  });
});
