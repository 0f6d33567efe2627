/** A server process ends, or stands still, at each point of a transaction. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  isBegin,
  isCommit,
  isRequest,
  isStatement,
  killAndRestart,
  killed,
  onEntrances,
  onLinks,
  type Point,
} from "../points.js";
import { part } from "../waiting.js";
import type { Cell, ServerPlace } from "../terms.js";

export const processes: readonly Cell[] = [
  {
    name: "server-killed",
    databases: ["postgres", "mysql"],
    faults: [
      "killed before BEGIN",
      "killed at a statement",
      "killed before COMMIT",
      "killed behind COMMIT",
      "killed before its answer",
    ],
    inject: (world) => {
      const seldom = { every: 4, most: world.long ? 4 : 1 };
      onLinks(world, [
        { ...killed(world, "killed before BEGIN", isBegin, "statement"), ...seldom },
        { ...killed(world, "killed at a statement", isStatement(world), "statement"), ...seldom },
        { ...killed(world, "killed before COMMIT", isCommit, "statement"), ...seldom },
        { ...killed(world, "killed behind COMMIT", isCommit, "answer"), ...seldom },
      ]);
      onEntrances(world, [
        { ...killed(world, "killed before its answer", isRequest, "answer"), ...seldom },
      ]);
    },
  },
  {
    name: "file-server-killed",
    databases: ["sqlite"],
    faults: ["killed at a request", "killed before its answer"],
    inject: (world) => {
      const seldom = { every: 3, most: world.long ? 6 : 2 };
      onEntrances(world, [
        { ...killed(world, "killed at a request", isRequest), ...seldom },
        { ...killed(world, "killed before its answer", isRequest, "answer"), ...seldom },
      ]);
    },
  },
  {
    name: "killed-behind-a-fatal-answer",
    databases: ["postgres", "mysql", "sqlite"],
    faults: ["killed behind a fatal answer"],
    inject: (world) => {
      const fault = "killed behind a fatal answer";
      world.routes.survives = (_device, results) => {
        const isFatal = results.some(({ status }) => status === "fatal_error");
        if (isFatal && world.times(fault) < (world.long ? 10 : 3)) {
          world.fired(fault);
          // Whichever has answered: what it has not done by now it never does.
          for (const place of world.servers) killAndRestart(world, place);
        }
        return true;
      };
    },
  },
  {
    name: "server-stopped-and-continued",
    databases: ["postgres", "mysql"],
    servers: { impatient: true },
    size: "few",
    faults: ["stood still at a statement", "stood still before COMMIT"],
    inject: (world) => {
      // The repetition goes elsewhere, and finds what the one that stands still holds on to.
      const still = new Set<ServerPlace>();
      const stop = (fault: string, at: Point["at"]): Point => ({
        fault,
        at: (passing, place) => still.size === 0 && at(passing, place),
        verdict: (place) => ({
          // What it has sent before arrives; it hears of no answer.
          done: () => {
            still.add(place);
            place.process.signal("SIGSTOP");
            void sleep(stillMs).then(() => {
              place.process.signal("SIGCONT");
              still.delete(place);
            });
          },
        }),
        every: 2,
        most: 1,
      });
      onLinks(world, [
        stop("stood still at a statement", isStatement(world, 2)),
        stop("stood still before COMMIT", isCommit),
      ]);
      world.routes.url = (_device, index) => {
        const chosen = world.servers[index];
        const other = world.servers.find((place) => !still.has(place));
        return (chosen !== undefined && !still.has(chosen) ? chosen : other)?.url ?? "";
      };
    },
  },
  {
    name: "server-terminated",
    databases: ["postgres", "mysql", "sqlite"],
    faults: ["SIGTERM under load"],
    inject: async (world) => {
      for (const [index, place] of world.servers.entries()) {
        await part(world, index + 1, 3);
        const { process } = place;
        const replaced = place.replace("SIGTERM");
        world.fired("SIGTERM under load");
        const code = await process.ended;
        if (code !== 0) world.complain(`A server that was told to end ended with ${code}.`);
        await replaced;
      }
    },
  },
  {
    name: "hook-fails",
    databases: ["postgres", "mysql", "sqlite", "pglite"],
    faults: ["hook failed"],
    servers: { hookFailsEvery: 7 },
    inject: () => undefined,
  },
];

/** Longer than the time-outs of impatient servers, and of their database. */
const stillMs = 6_000;
