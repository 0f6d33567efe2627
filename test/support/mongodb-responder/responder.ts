/**
 * Answers MongoDB's driver over its wire protocol: documents, unique indexes, `$jsonSchema`, transactions that meet, and errors that a test asks for. It is no
 * MongoDB: it knows what the store sends, by MongoDB's documentation, and refuses everything else. `DATABASE_URL_MONGODB` puts a real one in its place.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Long } from "mongodb";
import { asConflict, commands, firstBatch } from "./commands.js";
import { type Collection, Data, Pending } from "./data.js";
import { sessionOf, Sessions } from "./sessions.js";
import { type Doc, isEqual, Refusal, unknown } from "./values.js";
import { type Message, messagesIn, replyTo } from "./wire.js";

/** What becomes of the next command of that name. */
export interface Fault {
  readonly command: string;
  /** Of that collection alone. */
  readonly collection?: string;
  /** The connection is dropped, in place of running the command or of answering it. */
  readonly drop?: "before" | "after";
  /** It is answered with this, and not run; with `run` it is run first. */
  readonly error?: {
    readonly code: number;
    readonly message?: string;
    readonly labels?: readonly string[];
  };
  readonly run?: true;
  /** It is held until this settles. */
  readonly until?: Promise<void>;
  /** Default 1. */
  readonly times?: number;
}

export interface Responder {
  readonly url: string;
  /** Command names in the order in which they came, those of monitoring left out. */
  readonly seen: string[];
  inject(fault: Fault): void;
  abortTransactions(): void;
  readonly openTransactions: number;
  close(): Promise<void>;
}

const common = new Set([
  "lsid",
  "txnNumber",
  "startTransaction",
  "autocommit",
  "$db",
  "readConcern",
  "writeConcern",
  "maxTimeMS",
  "$readPreference",
  "$clusterTime",
  "comment",
  "recoveryToken",
]);

/** What a collection may be made with. */
const ofCollections = new Set([
  "validator",
  "collation",
  "changeStreamPreAndPostImages",
  "viewOn",
  "pipeline",
]);

const quiet = new Set(["hello", "ismaster", "isMaster", "endSessions", "ping"]);

interface Options {
  /** False: a standalone server, which runs no transactions. Default true. */
  readonly replicaSet?: boolean;
}

export async function startResponder({ replicaSet = true }: Options = {}): Promise<Responder> {
  const data = new Data();
  const sessions = new Sessions(data, replicaSet);
  const cursors = new Map<string, readonly Doc[]>();
  const retried = new Map<string, Doc>();
  const faults: (Fault & { left: number })[] = [];
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  let address = "";
  let cursorNumber = 0;

  const keep = (documents: readonly Doc[]): Long => {
    cursorNumber += 1;
    cursors.set(String(cursorNumber), documents);
    return Long.fromNumber(cursorNumber);
  };

  const collectionOf = (ns: string): Collection => {
    const known = data.collections.get(ns);
    if (known !== undefined) return known;
    const made: Collection = { options: { ns }, indexes: [], versions: new Map() };
    data.collections.set(ns, made);
    return made;
  };

  /** A view shows all documents of its collection: it has no stages here. */
  const shownBy = (ns: string): Collection => {
    const of = data.collections.get(ns)?.options["viewOn"];
    return collectionOf(of === undefined ? ns : ns.replace(/[^.]+$/, String(of)));
  };

  const hello = (): Doc => ({
    helloOk: true,
    ismaster: true,
    isWritablePrimary: true,
    ...(replicaSet && {
      setName: "responder",
      setVersion: 1,
      hosts: [address],
      primary: address,
      me: address,
      secondary: false,
    }),
    maxBsonObjectSize: 16_777_216,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: 30,
    minWireVersion: 0,
    maxWireVersion: 21,
    readOnly: false,
    ok: 1,
  });

  /** What reads or writes documents, in its transaction or in one of its own. */
  const onDocuments = async (
    name: string,
    command: Doc,
    inside: ReturnType<Sessions["of"]>,
  ): Promise<Doc> => {
    const ns = `${String(command["$db"])}.${String(command[name])}`;
    const known = commands[name];
    if (known === undefined) throw unknown(`the command ${name}`);
    for (const option of Object.keys(command))
      if (option !== name && !common.has(option) && !known.options.includes(option))
        throw unknown(`${option} of ${name}`);
    for (;;) {
      const snapshot = inside?.snapshot ?? data.begin();
      try {
        const reply = known.run(command, {
          data,
          snapshot,
          collection: shownBy(ns),
          ns,
          keep,
        });
        if (inside === undefined) data.commit(snapshot);
        else if (reply["writeErrors"] !== undefined) sessions.abort(inside);
        return reply;
      } catch (error) {
        if (inside !== undefined) throw asConflict(error);
        data.abort(snapshot);
        if (!(error instanceof Pending)) throw error;
        await error.by.ended;
      }
    }
  };

  const onCatalog = (name: string, command: Doc): Doc => {
    const db = String(command["$db"]);
    const ns = `${db}.${String(command[name])}`;
    switch (name) {
      case "create": {
        if (data.collections.has(ns))
          throw new Refusal(48, "NamespaceExists", `Collection ${ns} already exists.`);
        for (const [option, value] of Object.entries(command)) {
          if (option === name || common.has(option)) continue;
          if (!ofCollections.has(option)) throw unknown(`${option} of ${name}`);
          Object.assign(collectionOf(ns).options, { [option]: value });
        }
        collectionOf(ns);
        return { ok: 1 };
      }
      case "collMod":
        Object.assign(collectionOf(ns).options, { validator: command["validator"] });
        return { ok: 1 };
      case "createIndexes": {
        const { indexes } = collectionOf(ns);
        for (const index of command["indexes"] as readonly Collection["indexes"][number][]) {
          const same = indexes.find((each) => each.name === index.name);
          if (same === undefined) indexes.push(index);
          else if (!isEqual(same.key, index.key))
            throw new Refusal(86, "IndexKeySpecsConflict", "An existing index has the same name.");
        }
        return { ok: 1 };
      }
      case "listIndexes": {
        const known = data.collections.get(ns);
        if (known === undefined)
          throw new Refusal(26, "NamespaceNotFound", `ns does not exist: ${ns}`);
        const all = [{ name: "_id_", key: { _id: 1 }, v: 2 }, ...known.indexes];
        return { cursor: { firstBatch: all, id: Long.ZERO, ns }, ok: 1 };
      }
      case "listCollections": {
        const { name: wanted } = (command["filter"] ?? {}) as Doc;
        const all = Array.from(data.collections, ([each, { options }]) => ({
          name: each.slice(db.length + 1),
          type: options["viewOn"] === undefined ? "collection" : "view",
          options,
          ns: each,
        })).filter(
          ({ name: own, ns: whole }) =>
            whole.startsWith(`${db}.`) && (wanted === undefined || wanted === own),
        );
        return {
          cursor: { firstBatch: all, id: Long.ZERO, ns: `${db}.$cmd.listCollections` },
          ok: 1,
        };
      }
      case "dropDatabase":
        for (const each of data.collections.keys())
          if (each.startsWith(`${db}.`)) data.collections.delete(each);
        return { ok: 1 };
      default:
        throw unknown(`the command ${name}`);
    }
  };

  const run = async (name: string, command: Doc): Promise<Doc> => {
    switch (name) {
      case "hello":
      case "ismaster":
      case "isMaster":
        return hello();
      case "ping":
      case "endSessions":
        return { ok: 1 };
    }
    const inside = sessions.of(name, command);
    try {
      switch (name) {
        case "commitTransaction":
          if (inside !== undefined) sessions.commit(inside);
          return { ok: 1 };
        case "abortTransaction":
          if (inside !== undefined) sessions.abort(inside);
          return { ok: 1 };
        case "getMore": {
          const id = String(command["getMore"]);
          const documents = cursors.get(id);
          if (documents === undefined)
            throw new Refusal(43, "CursorNotFound", `cursor id ${id} not found`);
          const [nextBatch, left] = firstBatch(documents);
          if (left.length === 0) cursors.delete(id);
          else cursors.set(id, left);
          const number = left.length === 0 ? Long.ZERO : Long.fromString(id);
          const ns = `${String(command["$db"])}.${String(command["collection"])}`;
          return { cursor: { nextBatch, id: number, ns }, ok: 1 };
        }
        case "killCursors":
          for (const id of command["cursors"] as readonly Long[]) cursors.delete(String(id));
          return { cursorsKilled: command["cursors"], ok: 1 };
      }
      if (!Object.hasOwn(commands, name)) return onCatalog(name, command);
      // A write that the driver repeats is not made twice.
      const repeated = inside === undefined && command["txnNumber"] !== undefined;
      const key = repeated ? `${sessionOf(command)} ${String(command["txnNumber"])}` : undefined;
      const known = key === undefined ? undefined : retried.get(key);
      if (known !== undefined) return known;
      const reply = await onDocuments(name, command, inside);
      if (key !== undefined) retried.set(key, reply);
      return reply;
    } catch (error) {
      // Whatever the error, the transaction has ended with it.
      if (inside !== undefined) sessions.abort(inside);
      throw error;
    }
  };

  const answered = async (message: Message, socket: Socket): Promise<void> => {
    const { command } = message;
    const name = Object.keys(command)[0] ?? "";
    if (!quiet.has(name)) seen.push(name);
    const fault = faults.find(
      ({ command: of, collection = command[name], left }) =>
        of === name && collection === command[name] && left > 0,
    );
    if (fault !== undefined) fault.left -= 1;
    const reply = (document: Doc): void => {
      if (!message.isUnanswered) socket.write(replyTo(message, document));
    };
    try {
      await fault?.until;
      if (fault?.drop === "before") return void socket.destroy();
      const { error } = fault ?? {};
      if (error === undefined || fault?.run === true) {
        const document = await run(name, command);
        if (fault?.drop === "after") return void socket.destroy();
        if (error === undefined) return reply(document);
      }
      throw new Refusal(error?.code ?? 8, "Injected", error?.message ?? "injected", error?.labels);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (fault?.error !== undefined && fault.run !== true && command["autocommit"] === false)
        sessions.abortAll();
      const { code, codeName, message: errmsg, labels, more } = error;
      reply({
        ok: 0,
        code,
        codeName,
        errmsg,
        ...(labels.length > 0 && { errorLabels: labels }),
        ...more,
      });
    }
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    let received: Buffer = Buffer.alloc(0);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      const { messages, left } = messagesIn(Buffer.concat([received, chunk]));
      received = left;
      for (const message of messages)
        answered(message, socket).catch((error: unknown) => {
          // What the responder itself does wrong must not pass for the server's word.
          socket.destroy();
          process.emitWarning(error instanceof Error ? error : String(error));
        });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `mongodb://${address}/?${replicaSet ? "replicaSet=responder" : "directConnection=true"}`,
    seen,
    inject: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    abortTransactions: () => sessions.abortAll(),
    get openTransactions() {
      return sessions.open;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
