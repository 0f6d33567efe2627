/** What clients send to a server, cut into the messages of its protocol, so that a proxy can name the one that is passing. */

import { isChangingSettings } from "./mysql.js";

/** `bytes`: no protocol that is known; a message is what arrives at once. */
export type Protocol = "postgres" | "mysql" | "http" | "bytes";

export interface Message {
  readonly bytes: Buffer;
  /** `statement`: one that is about to be run. `request`: the beginning of an HTTP request. */
  readonly kind: "begin" | "commit" | "rollback" | "statement" | "request" | "other";
  /** The statement's text; empty where there is none. */
  readonly text: string;
  /** The server answers when it has seen this one. */
  readonly asks: boolean;
}

interface Reader {
  /** Whole messages; the rest waits for what comes next. */
  sent(chunk: Buffer): readonly Message[];
  /** How many answers have come to their end. */
  answered(chunk: Buffer): number;
  /** A message that has another statement run in place of this one. */
  replaced(message: Message, statement: string): Buffer;
  /** Answers that come unasked, when a connection is made. */
  readonly unasked: number;
}

export function createReader(protocol: Protocol): Reader {
  switch (protocol) {
    case "postgres":
      return postgres();
    case "mysql":
      return mysql();
    default:
      return whole(protocol === "http");
  }
}

function kindOf(statement: string): Message["kind"] {
  // On MySQL the library's settings begin the transaction.
  if (isChangingSettings(statement)) return "begin";
  const word = /^\s*(begin|start transaction|commit|rollback(?! to)|abort)\b/i.exec(statement)?.[1];
  switch (word?.toLowerCase()) {
    case undefined:
      return "statement";
    case "begin":
    case "start transaction":
      return "begin";
    case "commit":
      return "commit";
    default:
      return "rollback";
  }
}

/** Cuts a stream into parts whose first bytes tell how long they are. */
function cutter(lengthOf: (bytes: Buffer) => number | undefined): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const parts: Buffer[] = [];
    for (;;) {
      const length = lengthOf(rest);
      if (length === undefined || length > rest.length) return parts;
      parts.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}

const sslRequest = 80_877_103;

/**
 * A simple query is run as it comes; a prepared one when its parameters are bound, for its text may have been sent long before. A text goes with what
 * comes behind it: whoever cuts there cuts before both, as a network does, which carries them together.
 */
function postgres(): Reader {
  let started = false;
  const names = new Map<string, string>();
  let parse: Buffer = Buffer.alloc(0);
  const cut = cutter((bytes) => {
    if (!started) return bytes.length < 4 ? undefined : bytes.readInt32BE(0);
    return bytes.length < 5 ? undefined : 1 + bytes.readInt32BE(1);
  });
  const cutAnswers = cutter((bytes) => (bytes.length < 5 ? undefined : 1 + bytes.readInt32BE(1)));
  const read = (part: Buffer): readonly Message[] => {
    if (started && part[0] === 0x50) {
      const [name = "", text = ""] = texts(part, 5, 2);
      names.set(name, text);
      parse = Buffer.concat([parse, part]);
      return [];
    }
    const message = readBehind(part);
    const bytes = parse.length === 0 ? part : Buffer.concat([parse, part]);
    parse = Buffer.alloc(0);
    return [{ ...message, bytes }];
  };
  const readBehind = (bytes: Buffer): Message => {
    const other = { bytes, kind: "other", text: "", asks: false } as const;
    if (!started) {
      started = bytes.length < 8 || bytes.readInt32BE(4) !== sslRequest;
      return { ...other, text: bytes.toString("latin1") };
    }
    switch (String.fromCharCode(bytes[0] ?? 0)) {
      case "Q": {
        const text = bytes.toString("utf8", 5, bytes.length - 1);
        return { bytes, kind: kindOf(text), text, asks: true };
      }
      case "B": {
        const [, name = ""] = texts(bytes, 5, 2);
        const text = names.get(name) ?? "";
        return { bytes, kind: kindOf(text), text, asks: false };
      }
      case "S":
        return { ...other, asks: true };
      default:
        return other;
    }
  };
  return {
    unasked: 1,
    // One by one: what the first says decides how the next is cut.
    sent: (chunk) => cutOneByOne(cut, chunk, read, () => started),
    answered: (chunk) => cutAnswers(chunk).filter(([type]) => type === 0x5a).length,
    replaced: ({ bytes }, statement) => {
      const text = Buffer.from(`${statement}\0`);
      if (bytes[0] === 0x51) return framed("Q", text);
      // Under no name, and behind the texts that came with it, so that the next one of their name is what it was. No parameters; results as text.
      const own = Buffer.concat([Buffer.from("\0"), text, Buffer.alloc(2)]);
      const before = bytes.subarray(0, lengthOfParses(bytes));
      return Buffer.concat([before, framed("P", own), framed("B", Buffer.alloc(8))]);
    },
  };
}

function lengthOfParses(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === 0x50) at += 1 + bytes.readInt32BE(at + 1);
  return at;
}

/** The message that makes a connection has no type, and those behind it do. */
function cutOneByOne(
  cut: (chunk: Buffer) => Buffer[],
  chunk: Buffer,
  read: (bytes: Buffer) => readonly Message[],
  started: () => boolean,
): readonly Message[] {
  if (started()) return cut(chunk).flatMap(read);
  const length = chunk.length < 4 ? chunk.length : Math.min(chunk.readInt32BE(0), chunk.length);
  const first = cut(chunk.subarray(0, length)).flatMap(read);
  return length < chunk.length ? [...first, ...cut(chunk.subarray(length)).flatMap(read)] : first;
}

function framed(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Texts that end with a zero. */
function texts(bytes: Buffer, from: number, count: number): readonly string[] {
  const found: string[] = [];
  for (let at = from; found.length < count;) {
    const end = bytes.indexOf(0, at);
    found.push(bytes.toString("utf8", at, end));
    at = end + 1;
  }
  return found;
}

const query = 3;

/** Cuts what either side of a connection to MySQL sends into its packets. */
export function cutMysqlPackets(): (chunk: Buffer) => Buffer[] {
  return cutter((bytes) => (bytes.length < 4 ? undefined : 4 + bytes.readUIntLE(0, 3)));
}

/** A command begins its packets at 0; what belongs to a sign-in does not. */
function mysql(): Reader {
  const cut = cutMysqlPackets();
  return {
    unasked: 0,
    sent: (chunk) =>
      cut(chunk).map((bytes): Message => {
        const command = bytes[3] === 0 ? bytes[4] : undefined;
        if (command !== query) {
          const text = command === undefined ? bytes.toString("latin1", 4) : "";
          return { bytes, kind: "other", text, asks: command !== undefined };
        }
        const text = bytes.toString("utf8", hasAttributes(bytes) ? 7 : 5);
        return { bytes, kind: kindOf(text), text, asks: true };
      }),
    answered: () => 1,
    replaced: ({ bytes }, statement) => {
      const attributes = bytes.subarray(5, hasAttributes(bytes) ? 7 : 5);
      const body = Buffer.concat([attributes, Buffer.from(statement)]);
      const head = Buffer.alloc(5);
      head.writeUIntLE(body.length + 1, 0, 3);
      head[4] = query;
      return Buffer.concat([head, body]);
    },
  };
}

/** A server that knows of query attributes is told before the text that there are none, in one set. */
function hasAttributes(bytes: Buffer): boolean {
  return bytes[5] === 0 && bytes[6] === 1;
}

function whole(http: boolean): Reader {
  return {
    unasked: 0,
    sent: (bytes) => {
      const text = bytes.toString("latin1");
      const isRequest = http && /^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(text);
      return [{ bytes, kind: isRequest ? "request" : "other", text, asks: !http || isRequest }];
    },
    answered: () => 1,
    replaced: (_message, statement) => Buffer.from(statement),
  };
}
