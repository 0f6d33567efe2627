/**
 * What the devices have to send, and what should become of it. Each device has rows of its own, so that what becomes of its transactions depends
 * on nobody else; a few rows are everybody's, so that transactions meet. Every value that is written carries a tag that is written once.
 */
import type { WireEntry } from "../support/uploads.js";
import { type Random, seeded, seedOf } from "../support/random.js";

export interface Sent {
  readonly device: string;
  /** In its device's queue, from 1. */
  readonly number: number;
  readonly transaction: {
    readonly transaction_id: number;
    readonly crud: readonly (WireEntry & { readonly transaction_id?: number })[];
  };
  readonly outcome: "success" | "fatal_error";
  /** It fails because it needs a row that a letter waits to create. */
  readonly isDependant: boolean;
  /** What it leaves in the database's history, each exactly once; for one that is fatal, what it would leave if it were applied in part. */
  readonly effects: readonly string[];
}

export interface WorkloadOptions {
  readonly devices: readonly DeviceName[];
  /** Of all devices. */
  readonly transactions: number;
  /** In one transaction, beside the device's mark. Default 1 to 4. */
  readonly operations?: number;
  /** One in so many can't be applied, or those with these numbers. 0: none. Default 8. */
  readonly poison?: number | readonly number[];
  /** Poison that a change of the database makes good, with rows that nobody else writes, not even the device's mark. */
  readonly mendable?: boolean;
  /** Every operation makes a row of its own: the table grows. Default false, and true for more than 50 operations in one transaction. */
  readonly grows?: boolean;
  /**
   * Nothing that a flight would leave to the careful way: no poison, whose letters ground their user, and no row changed that is not there. Default
   * false.
   */
  readonly plain?: boolean;
}

export interface WriterOptions extends Partial<
  Pick<WorkloadOptions, "operations" | "poison" | "mendable" | "grows" | "plain">
> {
  /** Of its first entry, and of its first transaction. Default 1. */
  readonly firstId?: number;
  readonly firstNumber?: number;
}

export interface DeviceName {
  readonly name: string;
  readonly user: string;
  readonly clientId: string;
}

export const threeDevices: readonly DeviceName[] = [
  { name: "phone", user: "alice", clientId: "phone-of-alice" },
  { name: "tablet", user: "alice", clientId: "tablet-of-alice" },
  { name: "laptop", user: "bob", clientId: "laptop-of-bob" },
];

/** There from the beginning, and never deleted. */
export const sharedRows: readonly string[] = [1, 2, 3, 4].map(
  (number) => `00000000-0000-4000-8000-00000000000${number}`,
);

export const wrote = (table: string, id: string, tag: string): string => `${table} ${id} = ${tag}`;
export const removed = (table: string, id: string, tag: string): string =>
  `${table} ${id} - ${tag}`;

/** What a device's user writes: first what is queued when all begins, then whatever else is wanted. */
export function writerOf(seed: number, name: string, options: WorkloadOptions): () => Sent {
  return createWriter(name, seeded(seedOf(seed, name)), options);
}

/** How many transactions each device has queued at first. */
export function queuedFirst({ transactions, devices }: WorkloadOptions): number {
  return Math.max(1, Math.round(transactions / devices.length));
}

/** Writes one device's transactions, one after the other. */
export function createWriter(
  device: string,
  random: Random,
  {
    operations,
    plain = false,
    poison = plain ? 0 : 8,
    mendable = false,
    grows = false,
    firstId = 1,
    firstNumber = 1,
  }: WriterOptions = {},
): () => Sent {
  const mark = random.uuid();
  const ids = Array.from({ length: 10 }, () => random.uuid());
  const model = createModel();
  let number = firstNumber - 1;
  let entries = firstId - 1;

  return () => {
    number += 1;
    const crud: WireEntry[] = [];
    const add = (op: WireEntry["op"], table: string, id: string, data: object = {}): void => {
      entries += 1;
      const op_data = { tag: `${device}/${number}/${crud.length}`, ...data };
      crud.push({ op, table, id, op_id: entries, ...(op !== "DELETE" && { op_data }) });
    };
    const isPoison =
      typeof poison === "number"
        ? poison > 0 && number % poison === poison - 1
        : poison.includes(number);
    const count = operations ?? 1 + random.below(4);
    const poisoned = isPoison ? random.below(count) : -1;
    // Rows that nobody else writes.
    const apart = (mendable && isPoison) || count > 50 || grows;
    if (!mendable || !isPoison) add("PUT", "marks", mark, { number });
    for (let index = 0; index < count; index += 1) {
      if (index === poisoned) addPoison(add, random, mendable);
      else if (apart) add("PUT", "items", random.uuid(), { size: number });
      else if (random.oneIn(6)) add("PATCH", "shared", random.pick(sharedRows));
      else {
        const kind = random.below(20);
        const id = random.pick(ids);
        const isPut = (plain && !model.has(id, crud)) || (kind >= 3 && kind < 13);
        add(isPut ? "PUT" : kind < 3 ? "DELETE" : "PATCH", "items", id, { size: number });
      }
    }
    const transaction = { transaction_id: number, crud };
    return { device, number, transaction, ...model.send(crud, isPoison, mendable) };
  };
}

/** What becomes of one device's transactions where nothing ever fails but what can't be applied. */
function createModel() {
  /** Rows as they are by now: by id, the tag of what was written last. */
  const rows = new Map<string, string>();
  /** Rows that a letter waits to create. */
  const awaited = new Set<string>();
  return {
    /** Whether there is such an item once these have been applied. */
    has: (wanted: string, crud: readonly WireEntry[]): boolean => {
      const last = crud.findLast(({ table, id }) => table === "items" && id === wanted);
      return last === undefined ? rows.has(wanted) : last.op !== "DELETE";
    },
    send: (
      crud: readonly WireEntry[],
      isPoison: boolean,
      mendable: boolean,
    ): Pick<Sent, "outcome" | "isDependant" | "effects"> => {
      const next = new Map(rows);
      // What it makes itself, sooner or later, it waits for nobody to create.
      const created = new Set(
        crud.flatMap(({ op, table, id }) => (op === "PUT" && table === "items" ? [id] : [])),
      );
      const written: string[] = [];
      const deleted: string[] = [];
      /** PATCHes that find no row: they leave something only where somebody else has made it. */
      const unfound: string[] = [];
      let isDependant = false;
      for (const { op, table, id, op_data } of crud) {
        const tag = String(op_data?.["tag"]);
        const there = table !== "items" || next.has(id);
        if (op !== "PUT" && !there) {
          isDependant ||= awaited.has(id) && !created.has(id) && !rows.has(id);
          if (op === "PATCH") unfound.push(wrote(table, id, tag));
        } else if (op === "DELETE") {
          deleted.push(removed(table, id, next.get(id) ?? ""));
          next.delete(id);
        } else {
          written.push(wrote(table, id, tag));
          if (table === "items") next.set(id, tag);
        }
      }
      if (isPoison || isDependant) {
        // A letter that is mended has rows of its own.
        if (!mendable || !isPoison) for (const id of created) awaited.add(id);
        // What it would delete, another one may.
        return { outcome: "fatal_error", isDependant, effects: [...written, ...unfound] };
      }
      for (const id of created) awaited.delete(id);
      rows.clear();
      for (const [id, tag] of next) rows.set(id, tag);
      return { outcome: "success", isDependant, effects: [...written, ...deleted] };
    },
  };
}

type Add = (op: WireEntry["op"], table: string, id: string, data?: object) => void;

/** What no server can apply: refused by the database, or by the library. */
function addPoison(add: Add, random: Random, mendable: boolean): void {
  const id = random.uuid();
  switch (mendable ? 0 : random.below(4)) {
    case 0:
      return add("PUT", "items", id, { size: -1 });
    case 1:
      return add("PUT", "items", id, { size: "much" });
    case 2:
      return add("PUT", "items", id, { color: "red" });
    default:
      return add("PUT", "secrets", id);
  }
}
