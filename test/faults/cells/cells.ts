/** All the ways in which the suite tries to lose a write. */
import type { Cell } from "../terms.js";
import { answers } from "./answers.js";
import { connections } from "./connections.js";
import { contention } from "./contention.js";
import { identity } from "./identity.js";
import { deadLetters } from "./letters.js";
import { large } from "./large.js";
import { outages } from "./outages.js";
import { published } from "./published.js";
import { processes } from "./processes.js";

export const cells: readonly Cell[] = [
  ...connections,
  ...processes,
  ...answers,
  ...contention,
  ...outages,
  ...deadLetters,
  ...identity,
  ...published,
  ...large,
];
