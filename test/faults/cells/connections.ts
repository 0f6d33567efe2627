/** The connection between server and database ends, or falls silent, at each point of a transaction. */
import { isBegin, isCommit, isStatement, onLinks } from "../points.js";
import type { Cell } from "../terms.js";

const databases = ["postgres", "mysql"] as const;

/** Every other one with a reset, as a host that is gone sends it. */
function alternating(): () => boolean {
  let reset = true;
  return () => {
    reset = !reset;
    return reset;
  };
}

export const connections: readonly Cell[] = [
  {
    name: "cut-before-begin",
    databases,
    faults: ["cut before BEGIN"],
    inject: (world) => {
      const reset = alternating();
      onLinks(world, [
        {
          fault: "cut before BEGIN",
          at: isBegin,
          verdict: () => ({ lose: "statement", reset: reset() }),
        },
      ]);
    },
  },
  {
    name: "cut-before-statement",
    databases,
    faults: ["cut before a statement"],
    inject: (world) => {
      const reset = alternating();
      onLinks(world, [
        {
          fault: "cut before a statement",
          at: isStatement(world),
          verdict: () => ({ lose: "statement", reset: reset() }),
        },
      ]);
    },
  },
  {
    name: "cut-after-statement",
    databases,
    faults: ["cut after a statement"],
    inject: (world) => {
      const reset = alternating();
      onLinks(world, [
        {
          fault: "cut after a statement",
          at: isStatement(world),
          verdict: () => ({ lose: "answer", reset: reset() }),
        },
      ]);
    },
  },
  {
    name: "cut-before-commit",
    databases,
    faults: ["cut before COMMIT"],
    inject: (world) => {
      const reset = alternating();
      onLinks(world, [
        {
          fault: "cut before COMMIT",
          at: isCommit,
          verdict: () => ({ lose: "statement", reset: reset() }),
        },
      ]);
    },
  },
  {
    name: "commit-answer-swallowed",
    databases,
    faults: ["COMMIT's answer swallowed"],
    inject: (world) => {
      const reset = alternating();
      onLinks(world, [
        {
          fault: "COMMIT's answer swallowed",
          at: isCommit,
          verdict: () => ({ lose: "answer", reset: reset() }),
        },
      ]);
    },
  },
  {
    name: "network-silent",
    databases,
    servers: { impatient: true },
    size: "few",
    faults: ["silent before a statement", "silent before COMMIT", "silent behind COMMIT"],
    inject: (world) => {
      const once = { every: 2, most: 2 };
      onLinks(world, [
        {
          fault: "silent before a statement",
          at: isStatement(world, 2),
          verdict: () => ({ lose: "silence" }),
          ...once,
        },
        {
          fault: "silent before COMMIT",
          at: isCommit,
          verdict: () => ({ lose: "silence" }),
          ...once,
        },
        {
          fault: "silent behind COMMIT",
          at: isCommit,
          verdict: () => ({ lose: "hearing" }),
          ...once,
        },
      ]);
    },
  },
];
