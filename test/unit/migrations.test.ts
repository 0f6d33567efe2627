/** The form of the library's own tables is known by its hash. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { currentForm, tableForms } from "../../src/sql/own-tables/forms.js";

it("changes with the tables", () => {
  const hash = createHash("sha256").update(JSON.stringify(tableForms)).digest("hex");
  // Where this fails, the tables have been changed: write the new hash beside them.
  expect(currentForm).toBe(hash.slice(0, 32));
});
