/** PowerSync's published connectors, which send no ids but the transaction's: written twice only where the guard by rows says so, by the model's count. */
import { createModel, scheduleOf, type Step } from "../../support/published.js";
import { post } from "../../support/uploads.js";
import { rows } from "../databases.js";
import type { Cell, World } from "../terms.js";

const success = JSON.stringify({ results: [{ status: "success" }] });
const lost = "HTTP answer lost";
const known = "repetition known by its content";
const applied = "repetition applied, as the guard by rows says";

const models = new WeakMap<World, { readonly sent: number; readonly expected: Model }>();
type Model = ReturnType<typeof createModel>;

export const published: readonly Cell[] = [
  {
    name: "published-connectors",
    databases: ["postgres", "mysql", "sqlite", "pglite"],
    faults: [lost, known, applied],
    workload: { devices: [] },
    inject: () => undefined,
    upload: async (world) => {
      const expected = createModel();
      const answered = new Set<string>();
      for (const step of scheduleShowingAll(world)) {
        if (step.kind === "change") {
          await world.database.query(changing(step));
          expected.change(step);
          continue;
        }
        const { user, device, number, op, id, size } = step.sent;
        const place = world.random.pick(world.servers);
        place.entrance.judge = ({ kind }) =>
          step.lost && kind === "request"
            ? { lose: "answer", done: () => world.fired(lost) }
            : undefined;
        const data = op === "DELETE" ? {} : { op_data: { size, tag: String(size) } };
        const crud = [{ id, op, table: "items", transaction_id: number, ...data }];
        const body = { transactions: [{ transaction_id: number, crud }] };
        const answer = await post(place.url, body, { user }).catch(() => undefined);
        if (JSON.stringify(answer?.body) !== (step.lost ? undefined : success))
          world.complain(`${device}/${number} was answered ${JSON.stringify(answer?.body)}`);
        const isNew = expected.send(step.sent);
        const name = `${device}/${number}`;
        if (answered.has(name)) world.fired(isNew ? applied : known);
        answered.add(name);
      }
      models.set(world, { sent: answered.size, expected });
    },
    check: async (world) => {
      const { sent = 0, expected } = models.get(world) ?? {};
      const history = (await world.database.history()).map(({ effect }) => effect);
      const stored = await rows(world.database);
      return compared(
        sent,
        (expected?.history ?? []).map((effect) => `items ${effect}`),
        history,
        new Map([...(expected?.rows ?? [])].map(([id, size]) => [`items ${id}`, String(size)])),
        stored,
      );
    },
  },
];

/** Repetitions that the guard lets through: with fewer, that they were kept back might not be seen. */
const leastLetThrough = 5;

/** In some schedules there are fewer; they would show less. */
function scheduleShowingAll({ random, long }: World): readonly Step[] {
  for (;;) {
    const steps = scheduleOf(random.below(2 ** 31), long ? 200 : 120);
    const model = createModel();
    const answered = new Set<string>();
    let letThrough = 0;
    for (const step of steps) {
      if (step.kind === "change") {
        model.change(step);
        continue;
      }
      const name = `${step.sent.device}/${step.sent.number}`;
      if (model.send(step.sent) && answered.has(name)) letThrough += 1;
      answered.add(name);
    }
    if (letThrough >= leastLetThrough) return steps;
  }
}

function changing({ id, size }: { readonly id: string; readonly size: number | null }): string {
  return size === null
    ? `delete from items where id = '${id}'`
    : `update items set size = ${size}, tag = '${size}' where id = '${id}'`;
}

/** Everything happens one after the other, so the two must be the same line by line. */
function compared(
  sent: number,
  expected: readonly string[],
  history: readonly string[],
  expectedRows: ReadonlyMap<string, string>,
  stored: ReadonlyMap<string, string>,
) {
  const missing = without(expected, history);
  const more = without(history, expected);
  const same = missing.length + more.length === 0;
  const reordered = same ? expected.filter((effect, index) => effect !== history[index]).length : 0;
  const wrong = [...new Set([...expectedRows.keys(), ...stored.keys()])].filter(
    (row) => expectedRows.get(row) !== stored.get(row),
  );
  return {
    sent,
    applied: sent - Math.min(sent, missing.length),
    letters: 0,
    queued: 0,
    lost: missing.length,
    twice: more.length,
    partial: 0,
    reordered,
    wrong: wrong.length,
    complaints: [
      ...missing.map((effect) => `never written: ${effect}`),
      ...more.map((effect) => `written once too often: ${effect}`),
    ],
  };
}

/** What is in the one list and not, or less often, in the other. */
function without(all: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const each of others) left.set(each, (left.get(each) ?? 0) + 1);
  return all.filter((each) => {
    const times = left.get(each) ?? 0;
    left.set(each, times - 1);
    return times <= 0;
  });
}
