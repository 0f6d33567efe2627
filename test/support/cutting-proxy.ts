/** Stands between a `pg` pool and its server, and fails at the moment that a test names: before a statement, or between a statement and its answer. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Cut {
  /** In the statement's text. */
  readonly at: string;
  /** Only where the same database transaction has sent this before. */
  readonly behind?: string;
  /**
   * `statement`: the server never sees it. `answer`: the server has answered, and nobody hears it.
   * `silence`: as `statement`, but nobody is told either: the connection stays open and is dead.
   * `hearing`: the same, but the server has seen the statement, and only its answer goes astray.
   */
  readonly lose: "statement" | "answer" | "silence" | "hearing";
  /** On every connection, and not once. */
  readonly always?: boolean;
  /** Ends the connection with a reset instead of an end. */
  readonly reset?: boolean;
}

export interface CuttingProxy {
  readonly port: number;
  /** Cuts once. Resolves when it has: with `answer`, after the server has answered. */
  cut(cut: Cut): Promise<void>;
  /** Calls back when such a statement passes by, once, after it has been passed on. */
  watch(at: string, onStatement: () => void): void;
  close(): Promise<void>;
}

interface Armed extends Cut {
  readonly done: () => void;
}

const isSilent = ({ lose }: Cut): boolean => lose === "silence" || lose === "hearing";

export async function createCuttingProxy(serverPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let armed: Armed | undefined;
  let watched: { readonly at: string; readonly onStatement: () => void } | undefined;

  const proxy = createServer((client) => {
    const server = connect({ port: serverPort, host: "127.0.0.1" });
    // All that has been sent since the database transaction began.
    let sent = "";
    let losing: Armed | undefined;
    const end = ({ reset, done }: Armed) => {
      if (reset) client.resetAndDestroy();
      else client.destroy();
      server.destroy();
      done();
    };
    client.on("data", (chunk: Buffer) => {
      if (losing && isSilent(losing)) return;
      const text = chunk.toString("latin1");
      if (/begin|start transaction/.test(text)) sent = "";
      if (
        armed &&
        text.includes(armed.at) &&
        (armed.behind === undefined || sent.includes(armed.behind))
      ) {
        losing = armed;
        if (!losing.always) armed = undefined;
        if (losing.lose === "statement") return end(losing);
        if (isSilent(losing)) losing.done();
        if (losing.lose === "silence") return;
      }
      sent += text;
      server.write(chunk);
      if (watched && text.includes(watched.at)) {
        const { onStatement } = watched;
        watched = undefined;
        onStatement();
      }
    });
    server.on("data", (chunk: Buffer) => {
      if (losing === undefined) client.write(chunk);
      else if (losing.lose === "answer") end(losing);
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
        // Where nobody is told, the other side stays as it is.
        if (losing === undefined || !isSilent(losing)) other.destroy();
      });
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port.");

  return {
    port: address.port,
    cut: (cut) =>
      new Promise((done) => {
        armed = { ...cut, done };
      }),
    watch: (at, onStatement) => {
      watched = { at, onStatement };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
