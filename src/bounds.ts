/** Limits and timeouts as the application wants them: defaults filled in, and nonsense refused at the start, for it would bound nothing or everything. */
import { defaultLimits, defaultTimeouts, type Limits, type Timeouts } from "./limits.js";

// Beyond this, a timer fires at once, and Postgres takes no such setting.
const longestMs = 2 ** 31 - 1;

/** The databases keep these themselves, and know no Infinity. */
const ofDatabase: ReadonlySet<string> = new Set([
  "lockMs",
  "statementMs",
] satisfies (keyof Timeouts)[]);

/** @throws TypeError for what is no limit */
export function limitsOf(given: Partial<Limits> = {}): Limits {
  return completed("limits", defaultLimits, given, (name, value) => {
    if (value === Infinity || (Number.isSafeInteger(value) && value > 0)) return;
    throw new TypeError(`limits.${name} must be a whole number above 0; or Infinity, for none.`);
  });
}

/** @throws TypeError for what is no time */
export function timeoutsOf(given: Partial<Timeouts> = {}): Timeouts {
  return completed("timeouts", defaultTimeouts, given, (name, value) => {
    if (Number.isInteger(value) && value > 0 && value <= longestMs) return;
    if (ofDatabase.has(name)) {
      throw new TypeError(
        `timeouts.${name} must be a whole number of milliseconds, from 1 to ${longestMs}.`,
      );
    }
    if (value === Infinity) return;
    throw new TypeError(
      `timeouts.${name} must be a whole number of milliseconds, from 1 to ${longestMs}; or Infinity, for none.`,
    );
  });
}

/** What is undefined is not given: it must not stand in for the default and turn a bound off. */
function completed<Bounds extends object>(
  group: string,
  defaults: Bounds,
  given: Partial<Bounds>,
  check: (name: string, value: number) => void,
): Bounds {
  const wanted = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of wanted) {
    if (!Object.hasOwn(defaults, name)) {
      throw new TypeError(
        `${group}.${name} is not known. There are ${Object.keys(defaults).join(", ")}.`,
      );
    }
    check(name, value as number);
  }
  return { ...defaults, ...Object.fromEntries(wanted) };
}
