/** Limits and timeouts that bound nothing, or everything, are refused at the start. */
import { describe, expect, it } from "vitest";
import { defaultLimits, defaultTimeouts, limitsOf, timeoutsOf } from "../../src/wire/limits.js";
import { createWrites, type WritesConfig } from "../../src/index.js";

const nonsense: readonly unknown[] = [
  Number.NaN,
  -1,
  0,
  1.5,
  -Infinity,
  "100",
  null,
  1n,
  {},
  [5],
  true,
  2 ** 53,
];

describe("limits", () => {
  it("have their defaults, also where undefined is given for one", () => {
    expect(limitsOf()).toEqual(defaultLimits);
    expect(limitsOf({ bodyBytes: undefined } as never)).toEqual(defaultLimits);
    expect(limitsOf({ bodyBytes: 7 })).toEqual({ ...defaultLimits, bodyBytes: 7 });
  });

  it.each(Object.keys(defaultLimits))("%s is a whole number above 0, or Infinity", (name) => {
    expect(limitsOf({ [name]: 1 })).toMatchObject({ [name]: 1 });
    expect(limitsOf({ [name]: Infinity })).toMatchObject({ [name]: Infinity });
    for (const value of nonsense) {
      expect(() => limitsOf({ [name]: value }), String(value)).toThrow(
        new TypeError(`limits.${name} must be a whole number above 0, or Infinity for no limit.`),
      );
    }
  });

  it("of another name are a mistake", () => {
    for (const name of ["bodybytes", "constructor", "__proto__x"]) {
      expect(() => limitsOf({ [name]: 1 })).toThrow(
        `limits.${name} is not known. The known ones are bodyBytes,`,
      );
    }
  });
});

describe("timeouts", () => {
  it("have their defaults, also where undefined is given for one", () => {
    expect(timeoutsOf({ lockMs: undefined } as never)).toEqual(defaultTimeouts);
    expect(timeoutsOf({ bodyMs: 7 })).toEqual({ ...defaultTimeouts, bodyMs: 7 });
  });

  it.each(Object.keys(defaultTimeouts))("%s is a time that timers can keep", (name) => {
    expect(timeoutsOf({ [name]: 2 ** 31 - 1 })).toMatchObject({ [name]: 2 ** 31 - 1 });
    for (const value of [...nonsense, 2 ** 31]) {
      expect(() => timeoutsOf({ [name]: value }), String(value)).toThrow(
        `timeouts.${name} must be a whole number of milliseconds, from 1 to 2147483647`,
      );
    }
    const forEver = () => timeoutsOf({ [name]: Infinity });
    // The database would take it for a mistake, or for none at all.
    if (["lockMs", "statementMs"].includes(name)) expect(forEver).toThrow(TypeError);
    else expect(forEver()).toMatchObject({ [name]: Infinity });
  });
});

describe("createWrites", () => {
  it("refuses both at the start", () => {
    const given = { authenticate: () => ({ userId: "a" }), database: () => undefined, tables: {} };
    const create = (more: object) =>
      createWrites({ ...given, ...more } as unknown as WritesConfig<{ userId: string }, unknown>);
    expect(() => create({})).not.toThrow();
    expect(() => create({ limits: { operations: Number.NaN } })).toThrow(
      /^limits\.operations must/,
    );
    expect(() => create({ timeouts: { lockMs: -1 } })).toThrow(/^timeouts\.lockMs must/);
  });
});
