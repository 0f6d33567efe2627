/** A device as PowerSync's client is one: rows of its own, and a queue that names for every change what the row was before. */
import type { Random } from "./random.js";

export type LocalRow = Readonly<Record<string, unknown>>;

export interface QueuedEntry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_id: number;
  readonly op_data?: LocalRow;
  readonly previous_values?: LocalRow;
}

export interface ConflictDevice {
  readonly name: string;
  readonly queue: QueuedEntry[];
  row(table: string): LocalRow | undefined;
  insert(table: string, id: string, row: LocalRow): void;
  update(table: string, values: LocalRow): void;
  /** What the server has, once nothing waits. */
  sync(table: string, id: string, row: LocalRow | undefined): void;
}

export function conflictDevice(name: string): ConflictDevice {
  const rows = new Map<string, { readonly id: string; readonly row: LocalRow }>();
  const queue: QueuedEntry[] = [];
  let opId = 0;
  return {
    name,
    queue,
    row: (table) => rows.get(table)?.row,
    insert: (table, id, row) => {
      opId += 1;
      rows.set(table, { id, row });
      const op_data = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
      queue.push({ op: "PUT", table, id, op_id: opId, op_data });
    },
    update: (table, values) => {
      const known = rows.get(table);
      if (known === undefined) return;
      const { id, row } = known;
      const changed = Object.entries(values).filter(([column, value]) => row[column] !== value);
      if (changed.length === 0) return;
      opId += 1;
      rows.set(table, { id, row: { ...row, ...values } });
      const op_data = Object.fromEntries(changed);
      queue.push({ op: "PATCH", table, id, op_id: opId, op_data, previous_values: row });
    },
    sync: (table, id, row) => {
      if (row === undefined) rows.delete(table);
      else rows.set(table, { id, row });
    },
  };
}

interface ModelAnswer {
  readonly outcome: "success" | "CONFLICT";
  /** Others had changed the row meanwhile, so that the strategy had something to decide. */
  readonly met: boolean;
}

/** What the server must make of each entry, once. */
export interface ConflictModel {
  apply(device: string, entry: QueuedEntry): ModelAnswer;
  /** What its rows must hold. */
  rows(): Readonly<Record<string, LocalRow>>;
}

/** By table: who wrote each version; a number and its differences; values with their stamps; values alone. */
export function conflictModel(): ConflictModel {
  const rows: Record<string, Record<string, unknown>> = {};
  const writers: string[] = [];
  const rules: Readonly<Record<string, (device: string, entry: QueuedEntry) => ModelAnswer>> = {
    versioned: (device, { op_data = {}, previous_values = {} }) => {
      const base = Number(previous_values["version"] ?? 0);
      // Nobody's base is a version that there has never been.
      const others = writers.slice(base).some((writer) => writer !== device);
      if (others || base > writers.length) return { outcome: "CONFLICT", met: true };
      writers.push(device);
      Object.assign(rows["versioned"] ?? {}, op_data, { version: writers.length });
      return { outcome: "success", met: false };
    },
    counted: (_device, { op_data = {}, previous_values = {} }) => {
      const row = rows["counted"] ?? {};
      const [was, yours] = [Number(previous_values["quantity"]), Number(op_data["quantity"])];
      const met = Number(row["quantity"]) !== was;
      row["quantity"] = Number(row["quantity"]) + (yours - was);
      return { outcome: "success", met };
    },
    stamped: (_device, { op_data = {} }) => {
      const row = rows["stamped"] ?? {};
      let met = false;
      for (const column of ["title", "body"]) {
        const stamp = op_data[`${column}_at`];
        if (stamp === undefined) continue;
        if (String(stamp) < String(row[`${column}_at`])) {
          met = true;
          continue;
        }
        row[column] = op_data[column];
        row[`${column}_at`] = stamp;
      }
      return { outcome: "success", met };
    },
    merged: (_device, { op_data = {}, previous_values = {} }) => {
      const row = rows["merged"] ?? {};
      const free = Object.entries(op_data).every(
        ([column, yours]) => row[column] === previous_values[column] || row[column] === yours,
      );
      if (free) Object.assign(row, op_data);
      return { outcome: free ? "success" : "CONFLICT", met: !free };
    },
  };
  return {
    apply: (device, entry) => {
      const { op, table, op_data = {} } = entry;
      const rule = rules[table];
      if (op !== "PUT" && rule !== undefined) return rule(device, entry);
      rows[table] = { ...op_data };
      if (table === "versioned") {
        writers.push(device);
        rows[table]["version"] = 1;
      }
      return { outcome: "success", met: false };
    },
    rows: () => rows,
  };
}

const words = ["a", "b", "c", "d"];

/** One edit of one of the tables, as an application would make it. @param now the device's clock, in milliseconds */
export function randomEdit(device: ConflictDevice, random: Random, now: number): void {
  const table = random.pick(["versioned", "counted", "stamped", "merged"]);
  const row = device.row(table);
  if (row === undefined) return;
  switch (table) {
    case "counted":
      device.update(table, { quantity: Number(row["quantity"]) + random.below(9) - 4 });
      return;
    case "stamped": {
      const columns = random.oneIn(4) ? ["title", "body"] : [random.pick(["title", "body"])];
      const stamp = new Date(now).toISOString();
      // Of a value that is set to what it is, the queue has its stamp alone; here each is another one.
      const values = columns.flatMap((column) => [
        [column, `${device.name} ${device.queue.length} ${random.below(1_000_000)}`],
        [`${column}_at`, stamp],
      ]);
      device.update(table, Object.fromEntries(values) as LocalRow);
      return;
    }
    default: {
      const columns = random.oneIn(4) ? ["title", "body"] : [random.pick(["title", "body"])];
      // Mostly another value than it has.
      device.update(
        table,
        Object.fromEntries(columns.map((column) => [column, random.pick(words)])),
      );
    }
  }
}
