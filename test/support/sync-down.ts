/**
 * As much of a PowerSync service as brings rows down: one bucket for everyone, whose history is what has changed between two looks at the source, and write
 * checkpoints. A checkpoint acknowledges what a device has uploaded before the look that it tells of began.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SyncedRow {
  readonly table: string;
  readonly id: string;
  readonly values: Readonly<Record<string, string | number>>;
}

export interface SyncDown {
  readonly url: string;
  /** Looks at the source, and tells every device. */
  publish(): Promise<void>;
  close(): Promise<void>;
}

interface Stream {
  readonly client: string;
  readonly response: ServerResponse;
  sent: number;
}

interface Operation {
  readonly op_id: string;
  readonly op: "PUT" | "REMOVE";
  readonly object_type: string;
  readonly object_id: string;
  readonly subkey: string;
  readonly checksum: number;
  readonly data?: string;
}

const bucket = "all";

/** @param read what the source holds now */
export async function startSyncDown(read: () => Promise<readonly SyncedRow[]>): Promise<SyncDown> {
  const history: Operation[] = [];
  const held = new Map<string, SyncedRow & { readonly data: string }>();
  const streams = new Set<Stream>();
  const asked = new Map<string, number>();
  let checkpoints = 0;
  let publishing = Promise.resolve();

  function append(op: Operation["op"], { table, id }: SyncedRow, data?: string) {
    history.push({
      op_id: String(history.length + 1),
      op,
      object_type: table,
      object_id: id,
      subkey: "",
      checksum: 1,
      ...(data !== undefined && { data }),
    });
  }

  async function look(): Promise<void> {
    const rows = new Map((await read()).map((row) => [`${row.table} ${row.id}`, row]));
    for (const [key, row] of held) {
      if (rows.has(key)) continue;
      held.delete(key);
      append("REMOVE", row);
    }
    for (const [key, row] of rows) {
      const data = JSON.stringify(row.values);
      if (held.get(key)?.data === data) continue;
      held.set(key, { ...row, data });
      append("PUT", row, data);
    }
  }

  function tell(stream: Stream, acknowledged: ReadonlyMap<string, number>): void {
    const last = String(history.length);
    const line = (message: object) => stream.response.write(`${JSON.stringify(message)}\n`);
    const count = history.length;
    const write_checkpoint = acknowledged.get(stream.client);
    line({
      checkpoint: {
        last_op_id: last,
        ...(write_checkpoint !== undefined && { write_checkpoint: String(write_checkpoint) }),
        // Every operation's checksum is 1: their sum is their number.
        buckets: [{ bucket, priority: 3, checksum: count, count, subscriptions: [] }],
        streams: [],
      },
    });
    const after = String(stream.sent);
    const data = history.slice(stream.sent);
    if (data.length > 0) line({ data: { bucket, after, has_more: false, data, next_after: last } });
    stream.sent = history.length;
    line({ checkpoint_complete: { last_op_id: last } });
  }

  function publish(): Promise<void> {
    const next = publishing.then(async () => {
      const acknowledged = new Map(asked);
      await look();
      for (const stream of streams) tell(stream, acknowledged);
    });
    publishing = next.catch(() => undefined);
    return next;
  }

  async function open(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += String(part);
    const { client_id: client = "", buckets = [] } = JSON.parse(body) as {
      readonly client_id?: string;
      readonly buckets?: readonly { readonly name: string; readonly after: string }[];
    };
    const after = buckets.find(({ name }) => name === bucket)?.after ?? "0";
    const stream = { client, response, sent: Number(after) };
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(`${JSON.stringify({ token_expires_in: 3600 })}\n`);
    response.on("close", () => streams.delete(stream));
    streams.add(stream);
    await publish();
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://service.test");
    if (pathname === "/sync/stream") {
      open(request, response).catch(() => response.destroy());
    } else if (pathname === "/write-checkpoint2.json") {
      checkpoints += 1;
      asked.set(searchParams.get("client_id") ?? "", checkpoints);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ data: { write_checkpoint: String(checkpoints) } }));
      publish().catch(() => undefined);
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    publish,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await publishing;
    },
  };
}
