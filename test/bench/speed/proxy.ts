/** Stands between a server and its database: it counts what passes by, or makes the way as long as it is to a database far away. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Traffic {
  /** Times that the server sent something after it had heard an answer: what it waited for. */
  trips: number;
  /** Statements executed, `begin` and `commit` among them. */
  statements: number;
  /** Statements that the database had to parse: those sent without a name that it knows. */
  parsed: number;
  /** To the database. */
  bytes: number;
}

export interface Proxy {
  readonly port: number;
  readonly traffic: Traffic;
  reset(): void;
  close(): void;
}

/**
 * @param protocol whose messages are counted
 * @param tripMs there and back. While counting, enough for what is sent in one go to arrive as one.
 */
export async function createProxy(
  port: number,
  protocol: "postgres" | "mysql",
  tripMs: number,
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const traffic: Traffic = { trips: 0, statements: 0, parsed: 0, bytes: 0 };
  const server = createServer((client) => {
    const database = connect({ port, host: "127.0.0.1" });
    const count = (protocol === "postgres" ? postgresMessages : mysqlPackets)(traffic);
    let answered = true;
    client.on("data", (chunk: Buffer) => {
      if (answered) traffic.trips += 1;
      answered = false;
      traffic.bytes += chunk.length;
      count(chunk);
      later(() => database.write(chunk));
    });
    database.on("data", (chunk: Buffer) => {
      later(() => {
        answered = true;
        client.write(chunk);
      });
    });
    for (const [one, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on("error", () => undefined);
      one.on("close", () => {
        sockets.delete(one);
        later(() => other.destroy());
      });
    }
  });
  const later = (what: () => void) => {
    if (tripMs === 0) what();
    else setTimeout(what, tripMs / 2);
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    traffic,
    reset: () => Object.assign(traffic, { trips: 0, statements: 0, parsed: 0, bytes: 0 }),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Reads messages that may come in pieces: calls back with a message's header, and its first byte behind that, where it has one. */
function reader(
  header: number,
  lengthOf: (bytes: Buffer) => number,
  seen: (head: Buffer) => void,
): (chunk: Buffer) => void {
  let kept: Buffer = Buffer.alloc(0);
  let skip = 0;
  return (chunk) => {
    let rest = skip > 0 ? chunk.subarray(skip) : chunk;
    skip = Math.max(0, skip - chunk.length);
    if (rest.length === 0) return;
    rest = kept.length === 0 ? rest : Buffer.concat([kept, rest]);
    while (rest.length > header) {
      seen(rest.subarray(0, header + 1));
      const length = lengthOf(rest);
      skip = Math.max(0, length - rest.length);
      rest = rest.subarray(length);
    }
    kept = rest;
  };
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
function postgresMessages(traffic: Traffic): (chunk: Buffer) => void {
  let started = false;
  const read = reader(
    5,
    (bytes) => 1 + bytes.readInt32BE(1),
    (head) => {
      const type = String.fromCharCode(head[0] ?? 0);
      if (type === "E" || type === "Q") traffic.statements += 1;
      if (type === "P" || type === "Q") traffic.parsed += 1;
    },
  );
  return (chunk) => {
    if (started) return read(chunk);
    // The first message has no type.
    started = true;
    const length = chunk.readInt32BE(0);
    if (chunk.length > length) read(chunk.subarray(length));
  };
}

const comQuery = 0x03;
const comPrepare = 0x16;
const comExecute = 0x17;

/** https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html */
function mysqlPackets(traffic: Traffic): (chunk: Buffer) => void {
  return reader(
    4,
    (bytes) => 4 + bytes.readUIntLE(0, 3),
    (head) => {
      // A command begins a sequence of its own; what answers the server goes on with the server's.
      if (head[3] !== 0) return;
      if (head[4] === comQuery || head[4] === comExecute) traffic.statements += 1;
      if (head[4] === comQuery || head[4] === comPrepare) traffic.parsed += 1;
    },
  );
}
