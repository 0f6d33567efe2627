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

/** The cases by level, and within a level by subject. */
export const auditCases: readonly AuditCase[] = [
  // First, because later cases leave failures behind. A server that records these as dead letters may hold back later writes to rows that it does not find.
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
