/**
 * Devices with PowerSync's published connectors, which send neither client id nor operation ids: what they do, step by step, and the rule by which
 * a repetition is known, said again without a database. Two users have three devices, write the same few rows and delete them, and somebody else
 * changes them in the database.
 */
import { uuid } from "./letters.js";
import { seeded } from "./random.js";

const rowIds = Array.from({ length: 8 }, (_, index) => uuid(index + 1));

export interface Operation {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly id: string;
  readonly size?: number;
}

export interface Sent extends Operation {
  readonly user: string;
  readonly device: string;
  /** Counted by each device. */
  readonly number: number;
}

/** Either a device sends what stands at the head of its queue, or somebody changes a row in the database. */
export type Step = { readonly kind: "send"; readonly sent: Sent; readonly lost: boolean } | Change;

export interface Change {
  readonly kind: "change";
  readonly id: string;
  readonly size: number | null;
}

const devices = [
  { user: "alice", device: "phone" },
  { user: "alice", device: "tablet" },
  { user: "bob", device: "laptop" },
] as const;

/** What happens, in order. The answer to every third request is lost, and the device's next request is the same again. */
export function scheduleOf(seed: number, transactions: number): readonly Step[] {
  const { below: random } = seeded(seed);
  const steps: Step[] = [];
  const waiting = new Map<string, Sent>();
  const numbers = new Map<string, number>();
  const phone: Sent[] = [];
  let requests = 0;
  for (let written = 0; written < transactions || waiting.size > 0;) {
    const id = rowIds[random(rowIds.length)] ?? "";
    if (random(8) === 0) {
      steps.push({ kind: "change", id, size: random(3) === 0 ? null : 100 + random(1_000) });
      continue;
    }
    const from = devices[random(devices.length)] ?? devices[0];
    let sent = waiting.get(from.device);
    if (sent === undefined) {
      if (written === transactions) continue;
      written += 1;
      const number = (numbers.get(from.device) ?? 0) + 1;
      numbers.set(from.device, number);
      const kind = random(10);
      const own: Operation =
        kind < 2 ? { op: "DELETE", id } : { op: kind < 5 ? "PUT" : "PATCH", id, size: random(40) };
      // Every other time the user has done the same on the other device.
      const same = from.device === "tablet" && random(2) === 0 ? phone[number - 1] : undefined;
      sent = { ...(same ?? own), ...from, number };
      if (from.device === "phone") phone.push(sent);
    }
    requests += 1;
    const lost = requests % 3 === 0;
    if (lost) waiting.set(from.device, sent);
    else waiting.delete(from.device);
    steps.push({ kind: "send", sent, lost });
  }
  return steps;
}

/** The rule, in a few lines: what is applied, and what the rows are in the end. */
export function createModel() {
  const told = new Map<string, number>();
  const named = new Map<string, number>();
  const rows = new Map<string, number>();
  let position = 0;
  const history: string[] = [];
  const write = ({ op, id, size = 0 }: Operation) => {
    const stored = rows.get(id);
    if (op !== "PUT" && stored === undefined) return;
    history.push(op === "DELETE" ? `${id} - ${stored}` : `${id} = ${size}`);
    if (op === "DELETE") rows.delete(id);
    else rows.set(id, size);
  };
  return {
    rows,
    /** All that is written, in order: what a row becomes, and what it was when it is deleted. */
    history,
    change: ({ id, size }: Change) =>
      write({ op: size === null ? "DELETE" : "PATCH", id, ...(size !== null && { size }) }),
    /** Whether it is applied. */
    send: (sent: Sent): boolean => {
      const { user, number, op, id, size } = sent;
      const content = JSON.stringify([user, number, op, id, size]);
      const row = `${user} ${id}`;
      const before = told.get(content);
      if (before !== undefined && (named.get(row) ?? 0) <= before) return false;
      position += 1;
      told.set(content, position);
      named.set(row, position);
      write(sent);
      return true;
    },
  };
}
