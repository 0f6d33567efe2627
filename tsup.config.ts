/** `npm run build`: one file per subpath of the package, shared code in chunks, so that an error thrown in one is recognized in another. */
import { copyFile } from "node:fs/promises";
import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    jwt: "src/jwt/index.ts",
    express: "adapters/express.ts",
    koa: "adapters/koa.ts",
    fetch: "adapters/fetch.ts",
    node: "adapters/node.ts",
    nest: "adapters/nest/index.ts",
    pg: "adapters/pg.ts",
    mysql2: "adapters/mysql2.ts",
    sqlite: "adapters/sqlite.ts",
    client: "src/client/index.ts",
    memory: "src/store/memory.ts",
    mongodb: "src/mongodb/index.ts",
    admin: "src/admin/admin.ts",
    audit: "src/audit/index.ts",
    cli: "src/cli/main.ts",
    otel: "src/events/otel/index.ts",
  },
  format: "esm",
  target: "es2023",
  splitting: true,
  treeshake: true,
  dts: true,
  sourcemap: true,
  clean: true,
  // Not a module, so no bundler carries it along.
  onSuccess: () => copyFile("src/wire/openapi.yaml", "dist/openapi.yaml"),
});
