/** Stands before a Postgres server, and fails at one message of the next transaction that is sent as a whole. */
import type { Socket } from "node:net";
import { createRelay } from "./relay.js";

export type Fault =
  /** The connection is cut before the message is passed on. */
  | { readonly kind: "cut"; readonly message: number }
  /** The statement is another that fails. */
  | { readonly kind: "error"; readonly statement: number }
  /** The server does not know the name that the statement was prepared by. */
  | { readonly kind: "name"; readonly statement: number }
  /** The server has done everything, and its answer is swallowed with the connection. */
  | { readonly kind: "answer" }
  /** The same, and the connection stays open. */
  | { readonly kind: "silence" };

export interface MessageProxy {
  readonly port: number;
  /** Of the latest transaction that was sent as a whole: messages, statements among them, and those that had been prepared by name. */
  seen(): { readonly messages: number; readonly statements: number; readonly named: number };
  arm(fault: Fault): void;
  disarm(): void;
  /** Whether the fault has come. */
  struck(): boolean;
  /** How many times something was sent behind an answer, since it was asked last. */
  trips(): number;
  close(): Promise<void>;
}

interface Message {
  readonly type: string;
  readonly bytes: Buffer;
}

export async function createMessageProxy(serverPort: number): Promise<MessageProxy> {
  let armed: Fault | undefined;
  let seen = { messages: 0, statements: 0, named: 0 };
  let trips = 0;

  const join = (client: Socket, server: Socket) => {
    let started = false;
    let rest = Buffer.alloc(0);
    let flight: Message[] = [];
    let losing: Fault | undefined;
    let answered = true;

    const pass = (messages: readonly Message[]) =>
      server.write(Buffer.concat(messages.map(({ bytes }) => bytes)));

    /** All up to the Sync. One statement alone, as pg sends it, is none. */
    const land = (messages: readonly Message[]) => {
      const binds = messages.flatMap(({ type }, index) => (type === "B" ? [index] : []));
      if (binds.length < 3) return pass(messages);
      // Behind the type, the size, and the portal's empty name.
      const named = binds.filter((index) => messages[index]?.bytes[6] !== 0).length;
      seen = { messages: messages.length, statements: binds.length, named };
      const fault = armed;
      armed = undefined;
      if (fault === undefined) return pass(messages);
      switch (fault.kind) {
        case "cut":
          server.write(
            Buffer.concat(messages.slice(0, fault.message).map(({ bytes }) => bytes)),
            () => {
              client.destroy();
              server.end();
            },
          );
          return;
        case "error":
        case "name": {
          const at = binds[fault.statement] ?? -1;
          const broken = messages.map((message, index) => {
            if (fault.kind === "name" && index === at) return { type: "B", bytes: bind };
            return fault.kind === "error" && index === at + 1
              ? { type: "E", bytes: execute }
              : message;
          });
          return pass(broken);
        }
        default:
          losing = fault;
          return pass(messages);
      }
    };

    client.on("data", (chunk: Buffer) => {
      if (answered) trips += 1;
      answered = false;
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const head = started ? 1 : 0;
        if (rest.length < head + 4) return;
        const size = head + rest.readInt32BE(head);
        if (rest.length < size) return;
        const type = started ? String.fromCharCode(rest[0] ?? 0) : "";
        const message = { type, bytes: Buffer.from(rest.subarray(0, size)) };
        rest = rest.subarray(size);
        started = true;
        if (type === "P" || type === "B" || type === "E" || type === "D" || type === "C") {
          flight.push(message);
        } else if (type === "S") {
          const whole = [...flight, message];
          flight = [];
          land(whole);
        } else pass([message]);
      }
    });
    server.on("data", (chunk: Buffer) => {
      answered = true;
      if (losing === undefined) client.write(chunk);
      else if (losing.kind === "answer") {
        client.destroy();
        server.destroy();
      }
    });
    const endBoth = () => {
      if (losing?.kind === "silence") return;
      client.destroy();
      server.destroy();
    };
    client.on("close", endBoth);
    server.on("close", endBoth);
  };
  const relay = await createRelay(() => serverPort, join);
  return {
    port: relay.port,
    seen: () => seen,
    arm: (fault) => {
      armed = fault;
    },
    disarm: () => {
      armed = undefined;
    },
    struck: () => armed === undefined,
    trips: () => {
      const so = trips;
      trips = 0;
      return so;
    },
    close: relay.close,
  };
}

/** Of a prepared statement that there is none of, and of a portal that there is none of. */
const bind = message("B", Buffer.from("\0nowhere\0\0\0\0\0\0\0", "latin1"));
const execute = message("E", Buffer.from("nowhere\0\0\0\0\0", "latin1"));

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
