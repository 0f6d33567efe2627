/** Processes that send the same transactions in one go to one SQLite file, at once or killed in the middle: each is applied once and as a whole. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isChosen } from "../support/chosen.js";
import { type FlightFile, openFlightFile } from "../support/flight-file.js";
import { long } from "../support/long.js";
import { program } from "../support/program.js";
import { until } from "../support/uploads.js";
import { sqliteDrivers } from "../support/sqlite-files.js";

describe.skipIf(!isChosen("sqlite")).each(sqliteDrivers)("in one go by %s", (driver) => {
  const isFirst = driver === sqliteDrivers[0];
  let database: FlightFile;
  afterEach(() => database.close());

  const start = async (times: number): Promise<ChildProcess> => {
    const script = await program(new URL("../support/sqlite-writer.ts", import.meta.url));
    const child = fork(script, [database.file, driver, "whole", String(times)], { execArgv: [] });
    await once(child, "message");
    return child;
  };
  /** Rows of transactions that are not whole, and the numbers of those that are, and of answers. */
  const found = () =>
    database.other
      .prepare(
        `select (select count(*) from lists l where (select count(*) from todos t where t.list_id = l.id) <> 3) as halves,
        (select count(*) from lists) as applied, (select count(*) from powersync_ledger) as answered,
        (select count(*) from powersync_dead_letters) as letters`,
      )
      .get() as Readonly<Record<string, unknown>> | undefined;

  /** Those applied so far. 0 while a COMMIT to a rollback journal keeps readers away. */
  const counted = () => {
    try {
      return Number(found()?.["applied"]);
    } catch {
      return 0;
    }
  };

  const journals = ["wal", "delete"].filter((each) => long || (each === "wal") === isFirst);
  describe.each(journals)("with the journal %s", (journal) => {
    beforeEach(async () => {
      database = await openFlightFile(driver, { journal });
    });

    it("two at once", async () => {
      const times = 60;
      const children = await Promise.all([start(times), start(times)]);
      for (const child of children) child.send("go");
      const told = await Promise.all(children.map((child) => once(child, "message")));
      let flown = 0;
      for (const [{ flown: some = 0, ...statuses }] of told as [Record<string, number>][]) {
        expect(statuses).toEqual({ success: times });
        flown += some;
      }
      expect(flown).toBeGreaterThan(times / 4);
      expect(flown).toBeLessThanOrEqual(times);
      expect(found()).toEqual({ halves: 0, applied: times, answered: times, letters: 0 });
    });

    it("one that is killed again and again", async () => {
      const times = 3_000;
      const kills = long ? 20 : 3;
      for (let kill = 0; kill < kills; kill += 1) {
        const child = await start(times);
        const before = counted();
        child.send("go");
        await until(() => counted() > before);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        const exit = once(child, "exit");
        child.kill("SIGKILL");
        await exit;
        const applied = counted();
        expect(found()).toEqual({ halves: 0, applied, answered: applied, letters: 0 });
        expect(applied).toBeGreaterThan(before);
        expect(applied).toBeLessThan(times);
      }
      const applied = counted();
      const last = await start(applied + 20);
      last.send("go");
      const [{ flown = 0, ...statuses }] = (await once(last, "message")) as [
        Record<string, number>,
      ];
      expect(statuses).toEqual({ success: applied + 20 });
      expect(flown).toBeGreaterThan(10);
      expect(found()).toMatchObject({ halves: 0, applied: applied + 20, answered: applied + 20 });
    });
  });
});
