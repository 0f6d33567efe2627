/** docs/api.md is made of the docstrings: each export has one, and what is called has an example. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

const page = await readFile("docs/api.md", "utf8");

interface Entry {
  readonly name: string;
  readonly text: string;
}

/** Without what refers to another entry, where the same is documented. */
const documented: readonly Entry[] = page
  .split(/^### /m)
  .slice(1)
  .map((part) => ({ name: part.split("\n", 1)[0] ?? "", text: part }))
  .filter(({ text }) => !text.includes("\nThe same as in [`"));

it("there are some", () => {
  expect(documented.length).toBeGreaterThan(100);
});

it("every export has a docstring", () => {
  const bare = documented.filter(({ name, text }) => {
    const [before = ""] = text.split("```");
    return before.slice(name.length).trim() === "";
  });
  expect(bare.map(({ name }) => name)).toEqual([]);
});

it("every function and every class has an example", () => {
  const callable = documented.filter(({ text }) => /```ts\n(?:function|class) /.test(text));
  expect(callable.length).toBeGreaterThan(20);
  expect(callable.filter(({ text }) => !text.includes("Example:")).map(({ name }) => name)).toEqual(
    [],
  );
});
