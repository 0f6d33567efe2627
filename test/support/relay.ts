/** Listens on a port of its own, and gives each client a connection to a server behind it. The caller decides what passes between the two. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

interface Relay {
  readonly port: number;
  /** Ends every connection. New ones are accepted. */
  endAll(): void;
  /** Ends every connection, and refuses new ones. */
  close(): Promise<void>;
  /** Listens again, on the same port. */
  reopen(): Promise<void>;
}

/**
 * @param to returns the server's port, for each new connection
 * @param join connects the two
 */
export async function createRelay(
  to: () => number,
  join: (client: Socket, server: Socket) => void,
): Promise<Relay> {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect({ port: to(), host: "127.0.0.1" });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    join(client, server);
  });
  const listen = async (on: number) => {
    listener.listen(on, "127.0.0.1");
    await once(listener, "listening");
  };
  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  await listen(0);
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    endAll,
    close: async () => {
      if (!listener.listening) return;
      const closed = once(listener, "close");
      listener.close();
      endAll();
      await closed;
    },
    reopen: () => listen(port),
  };
}
