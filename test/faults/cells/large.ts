/** What is as large as a transaction may be, and a disk that is full. */
import { execFile } from "node:child_process";
import { chown, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isRequest, onEntrances, onLinks } from "../points.js";
import type { Cell, World } from "../terms.js";
import { part, untilFired } from "../waiting.js";
import { threeDevices } from "../workload.js";

const run = promisify(execFile);
const full = "disk full";

export const large: readonly Cell[] = [
  {
    name: "large-transaction-cut",
    databases: ["postgres", "mysql"],
    size: "large",
    faults: ["cut in the middle of 10,000 operations", "HTTP answer lost"],
    servers: { patient: true },
    patienceMs: 120_000,
    // With the device's mark there are 10,000: as many as are taken.
    workload: { operations: 9_999, poison: 0, devices: threeDevices.slice(0, 1) },
    inject: (world) => {
      onLinks(world, [
        {
          fault: "cut in the middle of 10,000 operations",
          at: ({ kind, index }) => kind === "statement" && index === 3,
          verdict: () => ({ lose: "answer" }),
          every: 1,
        },
      ]);
      onEntrances(world, [
        { fault: "HTTP answer lost", at: isRequest, verdict: () => ({ lose: "answer" }), every: 1 },
      ]);
    },
  },
  {
    name: "disk-full",
    keepsLast: 6,
    databases: process.getuid?.() === 0 ? ["postgres", "sqlite"] : ["sqlite"],
    faults: [full],
    inject: async (world) => {
      world.errors.of = (code) => (/^(53100|SQLITE_FULL)$/.test(code) ? full : undefined);
      if (world.database.name === "postgres") await fillTablespace(world);
      else await boundFile(world);
    },
  },
];

/** SQLite's own bound is what a full disk is to it: the same error, at the same place. */
async function boundFile(world: World): Promise<void> {
  const bound = (pages: string) =>
    Promise.all(
      world.servers.map(({ process }) =>
        process.ask({ kind: "query", sql: `pragma max_page_count = ${pages}` }),
      ),
    );
  await part(world, 1, 3);
  // No less than there are.
  await bound("1");
  await untilFired(world, full);
  await bound("1000000");
}

/** The rows lie on a disk of their own, which is filled to its last byte. */
async function fillTablespace(world: World): Promise<void> {
  const { database } = world;
  const folder = await mkdtemp(join(tmpdir(), "powersync-writes-disk-"));
  const name = `disk_${database.role}`;
  await run("mount", ["-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs", folder]);
  try {
    // The server's own user takes it over.
    const [data] = await database.query<{ data_directory: string }>("show data_directory");
    const { uid, gid } = await stat(data?.data_directory ?? "");
    await chown(folder, uid, gid);
    await database.query(`create tablespace ${name} location '${folder}'`);
    // A few rows a page, so that it is soon asked for another.
    await database.query("alter table items set (fillfactor = 10)");
    await database.query(`alter table items set tablespace ${name}`);
    await part(world, 1, 3);
    const filler = join(folder, "filler");
    await fill(filler);
    await untilFired(world, full);
    await rm(filler);
    await world.progress(world.sent.length);
    await database.query("alter table items set tablespace pg_default");
    await database.query(`drop tablespace ${name}`);
  } finally {
    await run("umount", ["--lazy", folder]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(file: string): Promise<void> {
  const handle = await open(file, "w");
  try {
    for (const bytes of [2 ** 20, 4_096]) {
      const block = Buffer.alloc(bytes);
      const written = () =>
        handle.write(block).then(
          ({ bytesWritten }) => bytesWritten === bytes,
          () => false,
        );
      while (await written());
    }
  } finally {
    await handle.close();
  }
}
