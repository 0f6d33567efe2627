/** Stands before a MySQL or MariaDB server, and fails at one message of what is sent next. */
import type { Socket } from "node:net";
import { createReader, cutMysqlPackets } from "./messages.js";
import { createRelay } from "./relay.js";

export type FlightFault =
  /** The connection ends before this statement, or before this packet of the answers, is passed on. */
  | { readonly kind: "before statement" | "before answer"; readonly number: number }
  | { readonly kind: "before statement"; readonly text: string }
  /** The first statement is answered as by a server to which it is too long. */
  | { readonly kind: "too long" }
  /** Another statement is executed in its place. */
  | { readonly kind: "other"; readonly number: number; readonly statement: string }
  | { readonly kind: "other"; readonly text: string; readonly statement: string }
  /** The client's connection ends at once, and the server gets all of it, and answers nobody. */
  | { readonly kind: "hang up"; readonly number: number };

export interface FlightProxy {
  readonly port: number;
  /** Since the latest `arm` or `count`. `early`: statements that arrived before another had been answered. */
  seen(): {
    readonly statements: readonly string[];
    readonly answers: number;
    readonly early: number;
  };
  count(): void;
  arm(fault: FlightFault): void;
  disarm(): void;
  /** Whether the fault has come. */
  struck(): boolean;
  /** From now on, one statement at a time: whatever arrives before it has been answered is thrown away, or ends the connection. */
  loseWhatIsEarly(how: "thrown away" | "ended" | undefined): void;
  close(): Promise<void>;
}

export async function createFlightProxy(serverPort: number): Promise<FlightProxy> {
  let armed: FlightFault | undefined;
  let statements: string[] = [];
  let answers = 0;
  let arrivedEarly = 0;
  let early: "thrown away" | "ended" | undefined;

  const join = (client: Socket, server: Socket) => {
    const reader = createReader("mysql");
    const cut = cutMysqlPackets();
    let isBusy = false;
    const isLast = createAnswerReader();
    const end = () => {
      armed = undefined;
      client.end();
      // What has been passed on arrives.
      server.end();
    };
    client.on("data", (chunk: Buffer) => {
      for (const message of reader.sent(chunk)) {
        if (client.destroyed && armed?.kind !== "hang up") return;
        const { asks, text, bytes } = message;
        if (!asks) {
          server.write(bytes);
          continue;
        }
        if (isBusy) {
          arrivedEarly += 1;
          if (early === "ended") return end();
          if (early === "thrown away") continue;
        }
        isBusy = true;
        const number = statements.push(text) - 1;
        if (armed?.kind === "too long") {
          client.write(tooLong);
          return end();
        }
        const isMeant = armed && ("text" in armed ? armed.text === text : armed.number === number);
        if (!isMeant || armed === undefined || armed.kind === "before answer") server.write(bytes);
        else if (armed.kind === "before statement") return end();
        else if (armed.kind === "other") {
          server.write(reader.replaced(message, armed.statement));
          armed = undefined;
        } else {
          server.write(bytes);
          client.destroy();
        }
      }
      if (armed?.kind === "hang up" && client.destroyed) {
        armed = undefined;
        server.end();
      }
    });
    server.on("data", (chunk: Buffer) => {
      for (const packet of cut(chunk)) {
        if (armed?.kind === "before answer" && armed.number === answers) return end();
        answers += 1;
        if (isBusy && isLast(packet)) isBusy = false;
        if (!client.destroyed) client.write(packet);
      }
    });
    client.on("close", () => server.end());
    server.on("close", () => client.end());
  };
  const relay = await createRelay(() => serverPort, join);
  const count = () => {
    statements = [];
    answers = 0;
    arrivedEarly = 0;
  };
  return {
    port: relay.port,
    seen: () => ({ statements, answers, early: arrivedEarly }),
    count,
    arm: (fault) => {
      count();
      armed = fault;
    },
    disarm: () => {
      armed = undefined;
    },
    struck: () => armed === undefined,
    loseWhatIsEarly: (how) => {
      early = how;
    },
    close: relay.close,
  };
}

/** Error 1153, ER_NET_PACKET_TOO_LARGE, as the first packet of an answer. */
const tooLong = (() => {
  const text = Buffer.from(
    "\xff\x81\x04#08S01Got a packet bigger than 'max_allowed_packet' bytes",
    "latin1",
  );
  const head = Buffer.from([text.length, 0, 0, 1]);
  return Buffer.concat([head, text]);
})();

/** Tells the last packet of an answer: OK, an error, or the second EOF, behind the rows. */
function createAnswerReader(): (packet: Buffer) => boolean {
  let isFirst = true;
  let ends = 0;
  return (packet) => {
    const kind = packet[4];
    if (kind === 0xfe && packet.length < 13) ends += 1;
    const isLast = kind === 0xff || (isFirst && kind === 0) || ends === 2;
    isFirst = isLast;
    if (isLast) ends = 0;
    return isLast;
  };
}
