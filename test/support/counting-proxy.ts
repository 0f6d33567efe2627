/** Stands before a Postgres server and counts what passes: trips, statements, statements that are parsed, and bytes. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Traffic {
  /** How often the server has been sent something after it had answered. */
  trips: number;
  /** Executed, whatever the protocol. */
  statements: number;
  /** Of these, how many had to be parsed. */
  parsed: number;
  /** Sent to the server. */
  bytes: number;
}

export interface CountingProxy {
  readonly port: number;
  /** What has passed since it was asked last. */
  counted(): Traffic;
  close(): Promise<void>;
}

const none = (): Traffic => ({ trips: 0, statements: 0, parsed: 0, bytes: 0 });

export async function createCountingProxy(serverPort: number): Promise<CountingProxy> {
  const sockets = new Set<Socket>();
  let traffic = none();
  const proxy = createServer((client) => {
    const server = connect({ port: serverPort, host: "127.0.0.1" });
    let answered = true;
    let started = false;
    let rest = Buffer.alloc(0);
    client.on("data", (chunk: Buffer) => {
      if (answered) traffic.trips += 1;
      answered = false;
      traffic.bytes += chunk.length;
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        // The first message has no type.
        const head = started ? 1 : 0;
        if (rest.length < head + 4) break;
        const size = head + rest.readInt32BE(head);
        if (rest.length < size) break;
        const type = started ? String.fromCharCode(rest[0] ?? 0) : "";
        if (type === "Q" || type === "E") traffic.statements += 1;
        if (type === "Q" || type === "P") traffic.parsed += 1;
        started = true;
        rest = rest.subarray(size);
      }
      server.write(chunk);
    });
    server.on("data", (chunk: Buffer) => {
      answered = true;
      client.write(chunk);
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    port: (proxy.address() as AddressInfo).port,
    counted: () => {
      const so = traffic;
      traffic = none();
      return so;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
