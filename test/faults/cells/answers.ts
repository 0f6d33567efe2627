/** What is sent again, at once, late, elsewhere, or by a device that has died before it could take note of the answer. */
import { statuses, type WireResult } from "../../support/uploads.js";
import { isRequest, onEntrances } from "../points.js";
import type { Cell, World } from "../terms.js";
import { deviceOf } from "../world.js";

const databases = ["postgres", "mysql", "sqlite", "pglite"] as const;
const shared = ["postgres", "mysql", "sqlite"] as const;

export const answers: readonly Cell[] = [
  {
    name: "http-answer-lost",
    databases,
    faults: ["HTTP answer lost"],
    inject: (world) =>
      onEntrances(world, [
        { fault: "HTTP answer lost", at: isRequest, verdict: () => ({ lose: "answer" }) },
      ]),
  },
  {
    name: "retry-on-other-process",
    databases: shared,
    faults: ["the repetition met the other process"],
    inject: (world) => {
      const last = new Map<string, { readonly head: unknown; readonly index: number }>();
      onEntrances(world, [
        { fault: "HTTP answer lost", at: isRequest, verdict: () => ({ lose: "answer" }), every: 2 },
      ]);
      world.routes.url = (device, index) => {
        const [head] = deviceOf(world, device).queue;
        const before = last.get(device);
        const isRepetition = before !== undefined && before.head === head;
        if (isRepetition) world.fired("the repetition met the other process");
        const next = isRepetition ? 1 - before.index : index;
        last.set(device, { head, index: next });
        return world.servers[next]?.url ?? "";
      };
    },
  },
  {
    name: "sent-50-times-at-once",
    databases,
    size: "few",
    faults: ["sent 50 times at once"],
    inject: () => undefined,
    upload: async (world) => {
      await Promise.all(world.devices.map((device) => sendFiftyTimes(world, device)));
    },
  },
  {
    name: "client-killed",
    databases,
    faults: ["client killed before it took note"],
    inject: (world) => {
      world.routes.survives = () => {
        if (!world.random.oneIn(3)) return true;
        world.fired("client killed before it took note");
        return false;
      };
    },
    heal: (world) => {
      world.routes.survives = () => true;
    },
  },
];

async function sendFiftyTimes(world: World, device: World["devices"][number]): Promise<void> {
  while (device.queue.length > 0) {
    const [head] = device.queue;
    if (head === undefined) return;
    const send = async (copy: number): Promise<WireResult | undefined> => {
      const url = world.servers[copy % world.servers.length]?.url ?? "";
      const [result] = await device.send([head], url).catch(() => []);
      return result;
    };
    const results = await Promise.all(Array.from({ length: 50 }, (_, copy) => send(copy)));
    world.fired("sent 50 times at once");
    const final = results.flatMap((result) =>
      result?.status === "success" || result?.status === "fatal_error" ? [result] : [],
    );
    if (new Set(final.map((result) => JSON.stringify(result))).size > 1)
      world.complain(`${device.name}: its copies were answered ${statuses(final).join(", ")}`);
    if (final.length > 0) device.queue.shift();
  }
}
