/** A device: keeps a queue as PowerSync's client does, sends its head, and takes off what has been answered; what is in memory only dies with it. */
import { setTimeout as sleep } from "node:timers/promises";
import { post, type WireResult } from "../support/uploads.js";
import type { DeviceName, Sent } from "./workload.js";

export interface Device extends DeviceName {
  /** On its disk. */
  queue: Sent[];
  /** Until the queue is empty and nothing more is written, or it is told to stop. */
  upload(stop: AbortSignal): Promise<void>;
  /** One request with these, to this server, and nothing else: the queue stays as it is. */
  send(transactions: readonly Sent[], url: string): Promise<readonly WireResult[]>;
}

export interface DeviceOptions extends DeviceName {
  readonly queue: Sent[];
  /** Where the next request goes. */
  readonly route: () => string;
  /** Transactions in the next request. */
  readonly size: () => number;
  readonly token: () => string | Promise<string>;
  /** Asked when the queue is empty: what its user writes next. Nothing: it has done its work. */
  readonly more: () => readonly Sent[];
  readonly patienceMs: number;
  /** Asked after each answer, before anything is taken off the queue. False: it is killed right now, and starts again. */
  readonly survives: (results: readonly WireResult[]) => boolean;
  readonly answered: (sent: Sent, result: WireResult) => void;
}

const pauseMs = 15;

/** Between what the user writes once the queue is empty. */
const writingMs = 100;

export function createDevice(options: DeviceOptions): Device {
  const { name, user, clientId, route, size, more, token, patienceMs, survives, answered } =
    options;

  const send = async (transactions: readonly Sent[], url: string) => {
    const body = {
      client_id: clientId,
      transactions: transactions.map(({ transaction }) => transaction),
    };
    const signal = AbortSignal.timeout(patienceMs);
    const answer = await post(url, body, { user: await token(), signal });
    if (answer.status !== 200) throw new Error(`It was answered ${answer.status}.`);
    return (answer.body as { readonly results: readonly WireResult[] }).results;
  };

  /** Whether the whole request has been answered for good. */
  const step = async (): Promise<boolean> => {
    const head = device.queue.slice(0, size());
    const results = await send(head, route());
    if (!survives(results)) return true;
    for (const [index, result] of results.entries()) {
      const sent = head[index];
      if (sent === undefined || (result.status !== "success" && result.status !== "fatal_error"))
        return false;
      answered(sent, result);
      device.queue.shift();
    }
    return true;
  };

  const device: Device = {
    name,
    user,
    clientId,
    queue: options.queue,
    send,
    upload: async (stop) => {
      while (!stop.aborted) {
        if (device.queue.length === 0) {
          const written = more();
          if (written.length === 0) return;
          device.queue.push(...written);
          await sleep(writingMs);
        }
        const through = await step().catch(() => false);
        if (!through) await sleep(pauseMs);
      }
    },
  };
  return device;
}
