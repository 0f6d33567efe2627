/** Which schemas a rule takes, at the start. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { anonymous, createWrites, type StandardSchema } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";

const made = (rule: object) => () =>
  createWrites({
    authenticate: anonymous(),
    database: memoryStore({ tables: { lists: { columns: { id: "uuid", name: "text" } } } }),
    tables: { lists: { access: "everyone", ...rule } },
  });
const plain: StandardSchema = {
  "~standard": { version: 1, vendor: "plain", validate: (value) => ({ value }) },
};

describe("a rule's schema", () => {
  it("is one for both, where it can be made partial; or a pair", () => {
    const object = z.object({ name: z.string() });
    expect(made({ validate: object })).not.toThrow();
    expect(made({ validate: z.strictObject({ name: z.string() }) })).not.toThrow();
    expect(made({ validate: { put: plain, patch: plain } })).not.toThrow();
    expect(made({ validate: plain, operations: ["PUT", "DELETE"] })).not.toThrow();
    expect(made({ validate: { put: plain }, operations: ["PUT"] })).not.toThrow();
    // As arktype's are.
    const callable = Object.assign(() => undefined, plain, { partial: () => plain });
    expect(made({ validate: callable })).not.toThrow();
  });

  it.each<[string, unknown, RegExp]>([
    ["that is none", { name: "text" }, /validate\.name is not known/],
    ["of another version", { "~standard": { version: 2 } }, /validate\.~standard is not known/],
    ["that is a function", () => true, /validate must be a schema/],
    ["of which nobody knows a partial one", plain, /plain does not tell.*put, patch/],
    [
      "that can't be made partial",
      z.object({ name: z.string() }).refine(() => true),
      /partial\(\) fails.*put, patch/,
    ],
    [
      "whose partial one is none",
      { ...plain, partial: () => ({}) },
      /partial\(\) gives no schema.*put, patch/,
    ],
    ["for PUT alone", { put: plain }, /no schema for PATCH/],
    ["for PATCH alone", { patch: plain }, /no schema for PUT/],
    ["in a pair that is misspelled", { put: plain, path: plain }, /Did you mean "patch"/],
    [
      "in a pair that is undefined",
      { put: plain, patch: undefined },
      /validate\.patch is undefined/,
    ],
  ])("is refused %s", (_name, validate, message) => {
    expect(made({ validate })).toThrow(TypeError);
    expect(made({ validate })).toThrow(message);
  });
});
