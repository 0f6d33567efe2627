import { resolve } from "node:path";

/** A `tsconfig.json` for code of the docs in a folder elsewhere. The package's subpaths are the sources. */
export function sourceConfig(compilerOptions: object = {}): object {
  const paths: Record<string, string[]> = {
    "powersync-writes": [resolve("src/index.ts")],
    "powersync-writes/client": [resolve("src/client/index.ts")],
    "powersync-writes/jwt": [resolve("src/jwt/index.ts")],
    "powersync-writes/memory": [resolve("src/store/memory.ts")],
    "powersync-writes/mongodb": [resolve("src/mongodb/index.ts")],
    "powersync-writes/admin": [resolve("src/admin/admin.ts")],
    "powersync-writes/otel": [resolve("src/events/otel/index.ts")],
    "powersync-writes/audit": [resolve("src/audit/index.ts")],
  };
  for (const adapter of ["express", "koa", "fetch", "node", "pg", "mysql2", "sqlite"]) {
    paths[`powersync-writes/${adapter}`] = [resolve(`adapters/${adapter}.ts`)];
  }
  paths["powersync-writes/nest"] = [resolve("adapters/nest/index.ts")];
  return {
    extends: resolve("tsconfig.json"),
    compilerOptions: { paths, ...compilerOptions },
    include: ["**/*.ts"],
  };
}
