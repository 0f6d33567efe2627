/** A shape in SQLite's words. */
import { columnsOf, rowOf, tableOf } from "./shapes-tables.js";
import type { Shape } from "./shapes.js";

export function sqliteShape(shape: Shape): readonly string[] {
  const { kind, onInsert, onUpdate, onDelete, stamped } = shape;
  const made = [tableOf(shape, { owner: "text", text: "text" })];
  const trigger = (name: string, when: string, condition: string, steps: readonly string[]) => {
    made.push(
      `create trigger ${name} ${when} on items when ${condition} begin ${steps.join("; ")}; end`,
    );
  };
  const { at, isRow } = rowOf(shape, (parts) => parts.join(" || "));
  const note = (verb: string, row: string) =>
    `insert into effects values ('${verb} ' || ${at(row)})`;
  const stop = "select raise(ignore)";
  const refuse = "select raise(abort, 'refused')";
  const soft = `update items set gone = 1 where ${isRow("old")}`;
  const isNew = `not exists (select 1 from items where ${isRow("new")})`;
  if (stamped)
    trigger("stamp", "after update", "new.note is not 'stamped'", [
      `update items set note = 'stamped' where ${isRow("new")}`,
    ]);
  if (onInsert === "elsewhere")
    trigger("on_insert", "before insert", `new.body = 'drop' and ${isNew}`, [
      note("insert", "new"),
      stop,
    ]);
  if (onInsert === "raises") trigger("on_insert", "before insert", "new.body = 'drop'", [refuse]);
  if (onUpdate === "newest wins")
    trigger("on_update", "before update", "coalesce(new.n, 0) < coalesce(old.n, 0)", [
      note("update", "new"),
      stop,
    ]);
  if (onUpdate === "raises")
    trigger("on_update", "before update", "new.body = 'drop' and old.body is not 'drop'", [refuse]);
  if (onDelete === "raises") trigger("on_delete", "before delete", "old.body = 'drop'", [refuse]);
  if (onDelete === "soft" || onDelete === "trash")
    trigger("on_delete", "before delete", onDelete === "trash" ? "old.gone = 0" : "true", [
      note("delete", "old"),
      soft,
      stop,
    ]);
  if (kind === "instead of") {
    const columns = columnsOf(shape);
    const values = columns.map((each) =>
      each === "gone" ? "coalesce(new.gone, 0)" : `new.${each}`,
    );
    const assigned = columns.map((each) => `${each} = new.${each}`);
    const by = {
      insert: `insert into items (${columns.join(", ")}) values (${values.join(", ")})`,
      update: `update items set ${assigned.join(", ")} where ${isRow("old")}`,
      delete: `delete from items where ${isRow("old")}`,
    };
    made.push("create view live as select * from items");
    for (const [verb, step] of Object.entries(by))
      made.push(`create trigger live_${verb} instead of ${verb} on live begin ${step}; end`);
  }
  return made;
}
