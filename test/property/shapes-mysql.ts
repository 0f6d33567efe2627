/** A shape in the words of MySQL and MariaDB. */
import { keyOf, tableOf } from "./shapes-tables.js";
import type { Shape } from "./shapes.js";

const refuse = "signal sqlstate '45000' set message_text = 'refused'";

export function mysqlShape(shape: Shape): readonly string[] {
  const { kind, onInsert, onUpdate, onDelete, stamped } = shape;
  const text = "varchar(40) character set utf8mb4 collate utf8mb4_bin";
  const end =
    kind === "partitioned" ? ` partition by key (${keyOf(shape).join(", ")}) partitions 3` : "";
  const made = [tableOf(shape, { owner: text, text, end })];
  const trigger = (name: string, when: string, body: string) =>
    made.push(`create trigger ${name} ${when} on items for each row ${body}`);
  if (stamped) {
    trigger("stamp_insert", "before insert", "set new.note = 'x'");
    trigger("stamp_update", "before update", "set new.note = 'x'");
  }
  const onlyIf = (condition: string, step: string) =>
    `begin if ${condition} then ${step}; end if; end`;
  const isDropped = "new.body = 'drop'";
  if (onInsert === "raises") trigger("on_insert", "before insert", onlyIf(isDropped, refuse));
  if (onUpdate === "raises")
    trigger(
      "on_update",
      "before update",
      onlyIf(`${isDropped} and not old.body <=> 'drop'`, refuse),
    );
  if (onUpdate === "keeps") {
    const kept = ["owner", "circle", "body", "n", "gone"].map(
      (each) => `new.${each} = old.${each}`,
    );
    trigger("on_update", "before update", onlyIf(isDropped, `set ${kept.join(", ")}`));
  }
  if (onDelete === "raises")
    trigger("on_delete", "before delete", onlyIf("old.body = 'drop'", refuse));
  if (kind === "view") made.push("create view live as select * from items");
  if (kind === "live") made.push("create view live as select * from items where gone = 0");
  return made;
}
