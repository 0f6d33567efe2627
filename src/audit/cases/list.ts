/** Every case of the audit, in the order in which they run. */
import type { AuditCase } from "../case.js";
import { access } from "./access.js";
import { checkpoints } from "./checkpoints.js";
import { atOnce } from "./at-once.js";
import { failures } from "./failures.js";
import { identities } from "./identity.js";
import { beyondLimits } from "./limits.js";
import { otherShapes } from "./other-shapes.js";
import { outages } from "./outages.js";
import { replays } from "./replay.js";
import { requests } from "./requests.js";
import { shapes } from "./shapes.js";
import { textCases } from "./texts.js";
import { namesAndValues } from "./values.js";
import { writing } from "./writing.js";

/** By level, and within it by what they are about. */
export const auditCases: readonly AuditCase[] = [
  // First: later ones leave failures behind, and a server that keeps these as dead letters may hold on to what comes to rows that it does not find.
  ...writing,
  ...shapes,
  ...failures,
  ...namesAndValues,
  ...textCases,
  ...access,
  ...requests,
  ...replays,
  ...identities,
  ...atOnce,
  ...beyondLimits,
  ...otherShapes,
  ...checkpoints,
  ...outages,
].toSorted((a, b) => a.level - b.level);
