/**
 * Stands between clients and their server: cuts connections, swallows answers, holds back what is sent, has another statement run, and is away
 * as a whole. What passes is asked about one message at a time, so that a fault meets the very statement that is meant.
 */
import type { Socket } from "node:net";
import { createReader, type Message, type Protocol } from "./messages.js";
import { isChangingSettings, isPuttingBack } from "./mysql.js";
import { createRelay } from "./relay.js";

export interface Passing extends Message {
  /** A database transaction begins with it: BEGIN, or on a guarded connection to MySQL its first statement. */
  readonly begins: boolean;
  /** Statements of this database transaction so far, from 1; BEGIN and COMMIT don't count. 0 outside of one. */
  readonly index: number;
  /** All that this connection has sent since the database transaction began, its bytes as text. */
  sent(): string;
}

/**
 * What becomes of a message. `statement`: the server never sees it, and the connection ends. `answer`: the server answers, nobody hears it, and the
 * connection ends. `silence`: as `statement`, but nobody is told: the connection stays open and is dead. `hearing`: the same, and the server
 * has seen it.
 */
export interface Verdict {
  readonly lose?: "statement" | "answer" | "silence" | "hearing";
  /** Ends connections with a reset instead of an end. */
  readonly reset?: boolean;
  /** It waits for this, and all behind it; its client may leave meanwhile. */
  readonly hold?: Promise<unknown>;
  /** With `hold`: the client's connection ends at once, and the message arrives all the same. */
  readonly hangUp?: boolean;
  /** Run in its place. */
  readonly replace?: string;
  /** Called when it has happened: with `answer` once the server has answered; where nothing is lost, once it has been passed on. */
  readonly done?: () => void;
}

export type Judge = (passing: Passing) => Verdict | undefined;

export interface Proxy {
  readonly port: number;
  /** Nothing happens to what passes, until it is set. */
  judge: Judge | undefined;
  /** Where new connections go. */
  to: number;
  /** Ends every connection; new ones are taken. */
  sendAway(): void;
  /** Ends every connection; new ones are refused. */
  down(): Promise<void>;
  /** On the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

export async function createProxy(to: number, protocol: Protocol): Promise<Proxy> {
  const relay = await createRelay(
    () => proxy.to,
    (client, server) => join(client, server, protocol, (passing) => proxy.judge?.(passing)),
  );
  const proxy: Proxy = {
    port: relay.port,
    to,
    judge: undefined,
    sendAway: relay.endAll,
    down: relay.close,
    up: relay.reopen,
    close: relay.close,
  };
  return proxy;
}

function join(client: Socket, server: Socket, protocol: Protocol, judge: Judge): void {
  const reader = createReader(protocol);
  const transaction: Transaction = { open: false, settled: false, index: 0, sent: [] };
  let asked = reader.unasked;
  let heard = 0;
  /** Until the server has answered so many: what it says goes nowhere, and then the connection ends. */
  let losing: (Verdict & { readonly at: number }) | undefined;
  let silent = false;
  let held = false;
  let left = false;
  let work = Promise.resolve();

  const end = ({ reset, done }: Verdict) => {
    done?.();
    if (reset) client.resetAndDestroy();
    else client.destroy();
    server.destroy();
  };
  const passOn = (message: Message, bytes = message.bytes) => {
    if (message.asks) asked += 1;
    server.write(bytes);
  };
  const pass = async (message: Message): Promise<void> => {
    // The rest of what is to be answered still has to reach the server.
    if (silent && (losing === undefined || asked >= losing.at)) return;
    if (losing !== undefined) return passOn(message);
    const verdict = judge(follow(transaction, message));
    if (verdict === undefined) return passOn(message);
    if (verdict.hold !== undefined) {
      held = true;
      if (verdict.hangUp) client.destroy();
      await verdict.hold;
    }
    switch (verdict.lose) {
      case "statement":
        return end(verdict);
      case "silence":
        silent = true;
        return verdict.done?.();
      case "answer":
      case "hearing":
        losing = { ...verdict, at: asked + 1 };
        silent = verdict.lose === "hearing";
        if (silent) verdict.done?.();
        return passOn(message);
      default:
        passOn(
          message,
          verdict.replace === undefined ? undefined : reader.replaced(message, verdict.replace),
        );
        verdict.done?.();
    }
  };

  client.on("data", (chunk: Buffer) => {
    for (const message of reader.sent(chunk)) work = work.then(() => pass(message));
  });
  server.on("data", (chunk: Buffer) => {
    heard += reader.answered(chunk);
    // Without the ends of answers to count by, whatever comes is the answer to all that has been asked.
    if (protocol !== "postgres") heard = asked;
    if (silent) return;
    if (losing !== undefined) {
      if (heard >= losing.at) end(losing);
    } else if (left) server.destroy();
    else client.write(chunk);
  });
  client.on("close", () => {
    left = true;
    // What has been sent arrives, however late.
    if (held) return;
    void work.then(() => {
      // Where nobody is told, the other side stays as it is.
      if (!silent) server.destroy();
    });
  });
  server.on("close", () => {
    if (!silent) client.destroy();
  });
}

interface Transaction {
  open: boolean;
  /** The library's settings are in force on a guarded connection to MySQL: its next transaction begins with its first statement. */
  settled: boolean;
  index: number;
  sent: Buffer[];
}

function follow(transaction: Transaction, message: Message): Passing {
  const { kind, bytes, text } = message;
  if (isChangingSettings(text)) transaction.settled = true;
  if (isPuttingBack(text)) transaction.settled = false;
  const begins =
    kind === "begin" || (kind === "statement" && !transaction.open && transaction.settled);
  if (begins) Object.assign(transaction, { open: true, index: 0, sent: [] });
  if (kind === "statement" && transaction.open) transaction.index += 1;
  const { index, sent } = transaction;
  const before = sent.length;
  sent.push(bytes);
  if (kind === "commit" || kind === "rollback")
    Object.assign(transaction, { open: false, index: 0, sent: [] });
  return {
    ...message,
    begins,
    index,
    sent: () => Buffer.concat(sent.slice(0, before)).toString("latin1"),
  };
}
