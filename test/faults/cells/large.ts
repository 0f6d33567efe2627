/** What is as large as a transaction may be, and a disk that is full. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { chown, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isRequest, onEntrances, onLinks } from "../points.js";
import type { Cell, World } from "../terms.js";
import { part, untilFired } from "../waiting.js";
import { threeDevices } from "../workload.js";

const run = promisify(execFile);
const cut = "cut in the middle of 10,000 operations";
const answerLost = "HTTP answer lost";
const full = "disk full";
const tmpfs = ["-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs"];

export const large: readonly Cell[] = [
  {
    name: "large-transaction-cut",
    databases: ["postgres", "mysql"],
    size: "large",
    faults: [cut, answerLost],
    // With the device's mark there are 10,000: as many as are taken.
    workload: { operations: 9_999, poison: 0, devices: threeDevices.slice(0, 1) },
    inject: (world) => {
      onLinks(world, [
        {
          fault: cut,
          at: ({ kind, index }) => kind === "statement" && index === 3,
          verdict: () => ({ lose: "answer" }),
          every: 1,
        },
      ]);
      // Of what has been cut and was sent again: the answer that says success.
      let lost = 0;
      onEntrances(world, [
        {
          fault: answerLost,
          at: (passing) => isRequest(passing) && lost < world.times(cut),
          verdict: () => {
            lost += 1;
            return { lose: "answer" };
          },
          every: 1,
        },
      ]);
    },
  },
  {
    name: "disk-full",
    databases: mayMount() ? ["postgres", "sqlite"] : ["sqlite"],
    faults: [full],
    // A table that grows needs another page in the end.
    workload: { grows: true },
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
  const filler = join(folder, "filler");
  world.defer(() => rm(folder, { recursive: true, force: true }));
  await run("mount", [...tmpfs, folder]);
  world.defer(() => run("umount", ["--lazy", folder]));
  // The server's own user takes it over.
  const [data] = await database.query<{ data_directory: string }>("show data_directory");
  const { uid, gid } = await stat(data?.data_directory ?? "");
  await chown(folder, uid, gid);
  await database.query(`create tablespace ${name} location '${folder}'`);
  world.defer(() => database.query(`drop tablespace ${name}`));
  // A few rows a page, so that it is soon asked for another.
  await database.query("alter table items set (fillfactor = 10)");
  await database.query(`alter table items set tablespace ${name}`);
  world.defer(() => database.query("alter table items set tablespace pg_default"));
  world.defer(() => rm(filler, { force: true }));
  await part(world, 1, 3);
  await fill(filler);
  await untilFired(world, full);
  await rm(filler);
}

/** Root may not everywhere: not in a container without the right to. */
function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "powersync-writes-disk-"));
  try {
    execFileSync("mount", [...tmpfs, folder], { stdio: "ignore" });
    execFileSync("umount", [folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
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
