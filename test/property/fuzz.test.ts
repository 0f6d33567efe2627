/**
 * Valid uploads, changed in structure and in bytes, to a server in a process of its own: every answer is one that the contract knows, and nothing
 * piles up. 4,000 of them; 100,000 with `LONG=1`. `SEED` repeats a run.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { FuzzReport } from "../support/fuzz-process.js";
import { fuzzRequest } from "../support/fuzz-requests.js";
import { long } from "../support/long.js";

const requests = long ? 100_000 : 2_000;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const minutes = long ? 60 : 10;
const mebibyte = 2 ** 20;

test("a request is the same for the same seed and number", () => {
  for (const number of [0, 1, 17, 4_242]) {
    expect(fuzzRequest(seed, number)).toEqual(fuzzRequest(seed, number));
  }
  expect(fuzzRequest(1, 5)).not.toEqual(fuzzRequest(2, 5));
});

test(
  `${requests} requests: no 500, no exit, every answer by the contract, and the heap stays as it is`,
  { timeout: minutes * 60_000 },
  async () => {
    const script = fileURLToPath(new URL("../support/fuzz-process.ts", import.meta.url));
    const child = fork(script, [String(requests), String(seed)], {
      execArgv: ["--expose-gc", "--import", "tsx"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = `${said}${text}`.slice(-10_000);
    });
    const exited = once(child, "exit") as Promise<[number | null]>;
    try {
      const report = await Promise.race([
        once(child, "message").then(([told]) => told as FuzzReport),
        exited.then(([code]) => {
          throw new Error(`SEED=${seed}: the process ended with ${String(code)}.\n${said}`);
        }),
      ]);
      const [before, after] = report.heap;
      const { statuses, results, seconds } = report;
      console.info(
        `SEED=${seed}: ${report.requests} requests in ${seconds.toFixed(1)} s; heap ${(before / mebibyte).toFixed(1)} → ${(after / mebibyte).toFixed(1)} MiB; ${JSON.stringify({ statuses, results })}`,
      );
      expect(report.faults).toEqual([]);
      expect((after - before) / mebibyte).toBeLessThan(50);
      // They did get somewhere: a fuzz that is all 400 shows nothing.
      for (const outcome of ["success", "fatal_error"]) {
        expect(results[outcome] ?? 0, outcome).toBeGreaterThan(requests / 50);
      }
      for (const status of ["200", "400", "401", "404", "415"]) {
        expect(statuses[status] ?? 0, status).toBeGreaterThan(0);
      }
      expect(await exited).toEqual([0, null]);
    } finally {
      child.kill();
    }
  },
);
