/** The installed versions of the packages that matter. */
import { installedVersion, packageVersion } from "../version.js";
import { info, type Verdict } from "./verdict.js";

const packages = [
  "kysely",
  "pg",
  "mysql2",
  "tedious",
  "tarn",
  "better-sqlite3",
  "express",
  "koa",
  "@nestjs/core",
  "hono",
  "@powersync/common",
];

export async function* versions(folder: string): AsyncGenerator<Verdict> {
  yield info("powersync-writes", packageVersion());
  yield info("Node", process.version);
  for (const name of packages) {
    const version = installedVersion(name, folder);
    if (version !== undefined) yield info(name, version);
  }
}
