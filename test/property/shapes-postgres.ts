/** A shape in Postgres' words. */
import { columnsOf, keyOf, rowOf, tableOf } from "./shapes-tables.js";
import { isWritten, type Shape } from "./shapes.js";

const raise = "raise exception 'refused';";

/** @param role whom policies and grants are for */
export function postgresShape(shape: Shape, role: string): readonly string[] {
  return [
    ...tables(shape),
    ...triggers(shape),
    ...views(shape),
    ...policies(shape),
    ...grants(shape, role),
  ];
}

function tables(shape: Shape): readonly string[] {
  const { kind } = shape;
  const words = { owner: "uuid default auth.uid()", text: "text" };
  if (kind !== "partitioned")
    return [tableOf(shape, { ...words, ...(kind === "deferrable" && { key: " deferrable" }) })];
  const primary = [...keyOf(shape), "made"];
  const more = ["made date not null default '2026-01-01'"];
  return [
    tableOf(shape, { ...words, primary, more, end: " partition by range (made)" }),
    "create table items_2026 partition of items for values from ('2026-01-01') to ('2027-01-01')",
    "create table items_2027 partition of items for values from ('2027-01-01') to ('2028-01-01')",
  ];
}

function triggers(shape: Shape): readonly string[] {
  const { onInsert, onUpdate, onDelete, stamped } = shape;
  const { at, isRow } = rowOf(shape, (parts) => parts.join(" || "));
  const note = (verb: string, row: string) =>
    `insert into effects values ('${verb} ' || ${at(row)});`;
  const soft = `update items set gone = 1 where ${isRow("old")}`;
  const made: string[] = [];
  const trigger = (name: string, when: string, body: string) =>
    made.push(...triggerOn("items", name, when, body));
  if (stamped) trigger("stamping", "before insert or update", "new.note = 'x'; return new;");
  const isDropped = "new.body = 'drop'";
  if (onInsert === "elsewhere")
    trigger(
      "on_insert",
      "before insert",
      `if ${isDropped} then ${note("insert", "new")} return null; end if; return new;`,
    );
  if (onInsert === "raises")
    trigger("on_insert", "before insert", `if ${isDropped} then ${raise} end if; return new;`);
  if (onUpdate === "newest wins")
    trigger(
      "on_update",
      "before update",
      `if coalesce(new.n, 0) < coalesce(old.n, 0) then ${note("update", "new")} return null; end if; return new;`,
    );
  if (onUpdate === "keeps")
    trigger("on_update", "before update", `if ${isDropped} then return old; end if; return new;`);
  if (onUpdate === "raises")
    trigger(
      "on_update",
      "before update",
      `if ${isDropped} and old.body is distinct from 'drop' then ${raise} end if; return new;`,
    );
  if (onUpdate === "rule")
    made.push("create rule on_update as on update to items do also select 1 where false");
  if (onDelete === "rule")
    made.push(`create rule on_delete as on delete to items do instead ${soft}`);
  if (onDelete === "raises")
    trigger("on_delete", "before delete", `if old.body = 'drop' then ${raise} end if; return old;`);
  if (onDelete === "soft" || onDelete === "trash")
    trigger(
      "on_delete",
      "before delete",
      `if ${onDelete === "trash" ? "old.gone = 0" : "true"} then ${note("delete", "old")} ${soft}; return null; end if; return old;`,
    );
  return made;
}

function triggerOn(table: string, name: string, when: string, body: string): readonly string[] {
  return [
    `create or replace function ${name}() returns trigger language plpgsql as $$ begin ${body} end $$`,
    `create trigger a_${name} ${when} on ${table} for each row execute function ${name}()`,
  ];
}

function views(shape: Shape): readonly string[] {
  const { kind } = shape;
  const view = "create view live as select * from items";
  if (kind === "view") return [view];
  if (kind === "live") return [`${view} where gone = 0`];
  if (!isWritten(shape)) return [];
  const { isRow } = rowOf(shape, (parts) => parts.join(" || "));
  const columns = columnsOf(shape);
  const values = columns.map((each) => (each === "gone" ? "coalesce(new.gone, 0)" : `new.${each}`));
  const assigned = columns.map((each) => `${each} = new.${each}`);
  const by = {
    insert: `insert into items (${columns.join(", ")}) values (${values.join(", ")})`,
    update: `update items set ${assigned.join(", ")} where ${isRow("old")}`,
    delete: `delete from items where ${isRow("old")}`,
  };
  if (kind === "view with rules")
    return [
      view,
      ...Object.entries(by).map(
        ([verb, step]) => `create rule live_${verb} as on ${verb} to live do instead ${step}`,
      ),
    ];
  return [
    view,
    ...triggerOn(
      "live",
      "instead",
      "instead of insert or update or delete",
      `if tg_op = 'INSERT' then ${by.insert}; return new; end if;
       if tg_op = 'UPDATE' then ${by.update}; return new; end if;
       ${by.delete}; return old;`,
    ),
  ];
}

function policies({ policies: which }: Shape): readonly string[] {
  const mine = "owner = auth.uid()";
  const insert = "create policy make on items for insert with check (true)";
  const see = "create policy see on items for select using (true)";
  switch (which) {
    case "none":
      return ["create policy all_of_it on items using (true)"];
    case "owners":
      return [
        see,
        insert,
        `create policy change on items for update using (${mine}) with check (true)`,
        `create policy remove on items for delete using (${mine})`,
      ];
    case "hidden":
      return [`create policy all_of_it on items using (${mine}) with check (true)`];
    case "insert only":
      return [see, insert];
  }
}

function grants({ grants: which }: Shape, role: string): readonly string[] {
  const all = `grant all on circles, effects to ${role}`;
  switch (which) {
    case "all":
      return [all, `grant all on items to ${role}`];
    case "columns":
      return [
        all,
        `grant select, insert, delete on items to ${role}`,
        `grant update (body, n, gone) on items to ${role}`,
      ];
    case "insert only":
      return [all, `grant select, insert on items to ${role}`];
  }
}
