/** MongoDB's wire protocol, as far as a driver speaks it: OP_MSG, and OP_QUERY for its first word. */
import { BSON } from "mongodb";
import type { Doc } from "./values.js";

const opReply = 1;
const opQuery = 2004;
const opMessage = 2013;

export interface Message {
  readonly id: number;
  readonly isQuery: boolean;
  /** Nobody waits for an answer. */
  readonly isUnanswered: boolean;
  readonly command: Doc;
}

/** What has come whole, and what is left. */
export function messagesIn(received: Buffer): {
  readonly messages: readonly Message[];
  readonly left: Buffer;
} {
  const messages: Message[] = [];
  let left = received;
  while (left.length >= 16) {
    const length = left.readInt32LE(0);
    if (left.length < length) break;
    messages.push(messageOf(left.subarray(0, length)));
    left = left.subarray(length);
  }
  return { messages, left };
}

const exhaustAllowed = 0x1_00_00;
const moreToCome = 2;

function messageOf(bytes: Buffer): Message {
  const id = bytes.readInt32LE(4);
  const code = bytes.readInt32LE(12);
  if (code === opMessage) {
    const flags = bytes.readUInt32LE(16);
    if ((flags & ~(exhaustAllowed | moreToCome)) !== 0)
      throw new Error(`The responder does not know the flags ${flags}.`);
    const isUnanswered = (flags & moreToCome) !== 0;
    return { id, isQuery: false, isUnanswered, command: sectionsOf(bytes) };
  }
  if (code === opQuery) {
    const end = bytes.indexOf(0, 20);
    return { id, isQuery: true, isUnanswered: false, command: documentAt(bytes, end + 9) };
  }
  throw new Error(`The responder does not know the operation ${code}.`);
}

function sectionsOf(bytes: Buffer): Doc {
  let at = 20;
  let command: Doc = {};
  while (at < bytes.length) {
    const kind = bytes[at];
    at += 1;
    if (kind === 0) {
      command = { ...documentAt(bytes, at), ...command };
      at += bytes.readInt32LE(at);
      continue;
    }
    if (kind !== 1) throw new Error(`The responder does not know a section of kind ${kind}.`);
    const end = at + bytes.readInt32LE(at);
    const nameEnd = bytes.indexOf(0, at + 4);
    const name = bytes.toString("utf8", at + 4, nameEnd);
    const documents: Doc[] = [];
    for (at = nameEnd + 1; at < end; at += bytes.readInt32LE(at))
      documents.push(documentAt(bytes, at));
    command = { ...command, [name]: documents };
  }
  return command;
}

function documentAt(bytes: Buffer, at: number): Doc {
  const length = bytes.readInt32LE(at);
  return BSON.deserialize(bytes.subarray(at, at + length), {
    promoteValues: false,
    promoteLongs: false,
  });
}

export function replyTo({ id, isQuery }: Message, document: Doc): Buffer {
  const body = Buffer.from(BSON.serialize(document));
  const head = Buffer.alloc(isQuery ? 36 : 21);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(id, 8);
  head.writeInt32LE(isQuery ? opReply : opMessage, 12);
  if (isQuery) head.writeInt32LE(1, 32);
  return Buffer.concat([head, body]);
}
