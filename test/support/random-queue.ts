/** Queues whose operations share a few rows, so that their order matters; every eleventh transaction can't be applied. */
import type { Effect, WireEntry, WireTransaction } from "./uploads.js";

const rows = Array.from({ length: 12 }, () => crypto.randomUUID() as string);

export function randomTransaction(index: number): WireTransaction {
  const crud = [0, 1, 2].map((step): WireEntry => {
    const op_id = 3 * index + step + 1;
    const id = rows[Math.floor(Math.random() * rows.length)] ?? "";
    const kind = Math.random();
    if (kind < 0.15) return { op: "DELETE", table: "things", id, op_id };
    const op = kind < 0.6 ? "PUT" : "PATCH";
    return { op, table: "things", id, op_id, op_data: { size: op_id } };
  });
  const last = {
    op: "PUT",
    table: "things",
    id: rows[0] ?? "",
    op_id: 3 * index + 3,
    op_data: { size: -1 },
  } as const;
  return {
    transaction_id: index + 1,
    crud: index % 11 === 7 ? [...crud.slice(0, 2), last] : crud,
  };
}

/** What a server that never fails would have made of the queue. */
export function expectedOf(queue: readonly WireTransaction[]) {
  const table = new Map<string, number>();
  const written: Effect[] = [];
  /** Rows that a dead letter waits to create: what needs one of them is a letter, too. */
  const awaited = new Set<string>();
  const outcomes = queue.map(({ crud }) => {
    const own = new Set(crud.flatMap(({ op, id }) => (op === "PUT" ? [id] : [])));
    const next = new Map(table);
    const effects: Effect[] = [];
    let failed = false;
    for (const { op, id, op_data } of crud) {
      const there = next.has(id);
      if (op_data?.["size"] === -1) failed = true;
      if (!there && op !== "PUT") {
        // What it has deleted itself nobody need create.
        failed ||= awaited.has(id) && !own.has(id) && !table.has(id);
        continue;
      }
      const size = op === "DELETE" ? null : Number(op_data?.["size"]);
      if (size === null) next.delete(id);
      else next.set(id, size);
      effects.push({ op: size === null ? "DELETE" : there ? "UPDATE" : "INSERT", id, size });
    }
    for (const id of own) {
      if (failed) awaited.add(id);
      else awaited.delete(id);
    }
    if (failed) return "fatal_error";
    table.clear();
    for (const [id, size] of next) table.set(id, size);
    written.push(...effects);
    return "success";
  });
  const stored = [...table]
    .map(([id, size]) => ({ id, size }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { outcomes, effects: written, rows: stored };
}
