/** What becomes of table rules, and which contradict themselves. */
import { describe, expect, it } from "vitest";
import { compileRules } from "../../src/rules.js";
import type { OperationContext, Principal } from "../../src/layer.js";
import type { TableRule } from "../../src/table-rule.js";

type AnyDB = Record<string, Record<string, unknown>>;
type AnyRule = TableRule<Principal, AnyDB>;

function compiled(rule: AnyRule) {
  const result = compileRules<Principal, AnyDB>({ lists: rule }).get("lists");
  if (result === undefined) throw new Error("The rule is gone.");
  return result;
}

describe("compileRules", () => {
  it("{} is every column and operation of the table of that name, by `id`", () => {
    const rule = compiled({});
    expect(rule).toMatchObject({ name: "lists", table: "lists", replace: false });
    expect(rule).toMatchObject({ ignoreUnknown: false, hideForeign: false });
    expect(rule.key.columns).toEqual(["id"]);
    expect(rule.key.split("a.b")).toEqual(["a.b"]);
    expect([...rule.operations].toSorted()).toEqual(["DELETE", "PATCH", "PUT"]);
    expect(rule.clientColumns).toBeUndefined();
    expect(rule.scope).toBeUndefined();
    expect(rule.softDelete).toBeUndefined();
  });

  it("knows tables by the client's names alone", () => {
    const rules = compileRules<Principal, AnyDB>({ lists: { table: "app.list" } });
    expect([...rules.keys()]).toEqual(["lists"]);
    expect(rules.get("lists")?.table).toBe("app.list");
    for (const name of ["app.list", "constructor", "__proto__", "toString"]) {
      expect(rules.get(name), name).toBeUndefined();
    }
  });

  it("takes columns as a list, or renamed, converted, read-only and set by the server", () => {
    const convert = (value: unknown) => value;
    const set = () => "now";
    const { clientColumns, serverColumns } = compiled({
      columns: {
        name: true,
        text: "description",
        done: { column: "completed", convert },
        rank: { readOnly: "ignore" },
        updated_at: { set },
      },
    });
    expect(Object.fromEntries(clientColumns ?? [])).toEqual({
      name: { column: "name" },
      text: { column: "description" },
      done: { column: "completed", convert },
      rank: { column: "rank", readOnly: "ignore" },
    });
    expect(Object.fromEntries(serverColumns)).toEqual({ updated_at: set });
    expect([...(compiled({ columns: ["a", "b"] }).clientColumns ?? [])]).toEqual([
      ["a", { column: "a" }],
      ["b", { column: "b" }],
    ]);
    expect(compiled({ columns: [] }).clientColumns?.size).toBe(0);
  });

  it("takes keys of several columns, split at the dot or by a function", () => {
    expect(compiled({ id: ["org", "nr"] }).key.split("a.7")).toEqual(["a", "7"]);
    const split = (id: string) => [id.slice(0, 1), id.slice(1)];
    expect(compiled({ id: { columns: ["org", "nr"], split } }).key.split("a7")).toEqual(["a", "7"]);
  });

  it("takes no operation where none is listed", () => {
    expect(compiled({ operations: [] }).operations.size).toBe(0);
    expect([...compiled({ operations: ["PATCH"] }).operations]).toEqual(["PATCH"]);
  });

  it("adds a scope to an owner, and never puts one for the other", () => {
    const scopes: string[] = [];
    const expression = (name: string): never => {
      scopes.push(name);
      return name as never;
    };
    const eb = Object.assign(
      (column: string, operator: string, value: string) =>
        expression(`${column} ${operator} ${value}`),
      { and: (parts: readonly unknown[]) => `(${parts.join(" and ")})` },
    );
    const rule = compiled({ owner: "owner_id", scope: () => expression("mine") });
    const context = { principal: { userId: "alice" } } as OperationContext<Principal, AnyDB>;
    expect(rule.scope?.(eb as never, context)).toBe("(owner_id = alice and mine)");
    expect(rule.owner).toBe("owner_id");
  });

  it.each<[string, AnyRule]>([
    ["the key listed as a column", { columns: ["id", "name"] }],
    ["a column that is renamed to the key", { columns: { uid: "id" } }],
    ["the same, spelled out", { columns: { uid: { column: "id" } } }],
    ["the key set by the server", { columns: { id: { set: () => 1 } } }],
    ["part of a composite key listed", { id: ["org", "nr"], columns: ["nr", "name"] }],
    ["the key set by a soft delete", { delete: { set: { id: () => 1 } } }],
    ["a soft delete that sets nothing, and so would delete", { delete: { set: {} } }],
    ["replace without a list of columns", { put: "replace" }],
  ])("refuses %s", (_name, rule) => {
    expect(() => compiled(rule)).toThrow(TypeError);
    expect(() => compiled(rule)).toThrow(/tables\.lists/);
  });
});
