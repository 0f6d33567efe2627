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
  const outcomes = queue.map(({ crud }) => {
    if (crud.some(({ op_data }) => op_data?.["size"] === -1)) return "fatal_error";
    for (const { op, id, op_data } of crud) {
      const there = table.has(id);
      if (!there && op !== "PUT") continue;
      const size = op === "DELETE" ? null : Number(op_data?.["size"]);
      if (size === null) table.delete(id);
      else table.set(id, size);
      written.push({ op: size === null ? "DELETE" : there ? "UPDATE" : "INSERT", id, size });
    }
    return "success";
  });
  const stored = [...table]
    .map(([id, size]) => ({ id, size }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { outcomes, effects: written, rows: stored };
}
