/** A MySQL server of a test's own, that can be stopped, killed and started again with its data: what `.ci/mysql` brings up, on a port of its own. */
import { execFile, execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { access, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import mysql from "mysql2";
import { freePort } from "./own-postgres.js";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../.ci/mysql", import.meta.url));
const home =
  process.env["MYSQL_HOME"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "powersync-writes", "mysql");

export interface OwnMysql {
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** It gets to finish nothing. */
  crash(): Promise<void>;
  /** On a connection of its own, as root. */
  query<Row>(sql: string, database?: string): Promise<readonly Row[]>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Whether its programs are unpacked: `.ci/mysql start` does that, and in CI it is done where it has to be, so that nothing is skipped there. */
export async function ownMysqlAvailable(): Promise<boolean> {
  if (process.env["CI"]) return true;
  return access(join(home, "root")).then(
    () => true,
    () => false,
  );
}

export async function createOwnMysql(): Promise<OwnMysql> {
  const port = await freePort();
  const left = [join(home, `data-${port}`), join(home, `mysqld-${port}.log`)];
  const env = { ...process.env, MYSQL_HOME: home, MYSQL_PORT: String(port) };
  const tell = async (what: string, keep = "1") => {
    await run(script, [what], { env: { ...env, MYSQL_KEEP: keep } });
  };
  // A run that was broken off leaves nothing behind either.
  const onExit = () => {
    execFileSync(script, ["kill"], { env });
    for (const path of left) rmSync(path, { recursive: true, force: true });
  };
  process.on("exit", onExit);
  await tell("start", "");
  return {
    port,
    start: () => tell("start"),
    stop: () => tell("stop"),
    crash: () => tell("kill"),
    query: async <Row>(sql: string, database = "") => {
      const connection = mysql.createConnection({
        uri: `mysql://root@127.0.0.1:${port}/${database}`,
        multipleStatements: true,
      });
      connection.on("error", () => undefined);
      try {
        const [rows] = await connection.promise().query(sql);
        return rows as unknown as readonly Row[];
      } finally {
        connection.destroy();
      }
    },
    remove: async () => {
      await tell("stop");
      process.off("exit", onExit);
      for (const path of left) await rm(path, { recursive: true, force: true });
    },
  };
}
