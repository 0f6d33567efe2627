/** `docs/compatibility.md`: what the tests run on, by the versions that are installed. */
import { readFile } from "node:fs/promises";
import { databasesTable, installedVersion } from "./databases.js";
import { banner, paragraphs, table } from "./markdown.js";

interface Row {
  readonly what: string;
  /** The package whose version it is, as package-lock.json names its folder. */
  readonly from: string;
  readonly by: string;
}

const hosts: readonly Row[] = [
  {
    what: "Express 5",
    from: "express",
    by: "`test/conformance`: the cases, with and without a body parser; the quickstart",
  },
  { what: "Express 4", from: "express4", by: "`test/conformance`: the cases" },
  { what: "Koa", from: "koa", by: "`test/conformance`: the cases; the quickstart" },
  {
    what: "NestJS 12, on Express and Fastify",
    from: "@nestjs/core",
    by: "`test/conformance`: the cases; `test/integration/nest`; the quickstart",
  },
  {
    what: "NestJS 11, on Express and Fastify",
    from: "test/fixtures/nest11/node_modules/@nestjs/core",
    by: "the same, by the project `nest11`",
  },
  { what: "Hono", from: "hono", by: "`test/runtimes/examples`; the quickstart, on Deno" },
  { what: "Fastify, with the fetch handler", from: "fastify", by: "`test/runtimes/examples`" },
];

const runtimes: readonly Row[] = [
  { what: "Node 24", from: "node", by: "every test" },
  {
    what: "Deno",
    from: "deno",
    by: "`test/runtimes`: the cases, compared with Node byte for byte; the quickstart",
  },
  { what: "Bun", from: "bun", by: "`test/runtimes`: the same; the quickstart" },
  {
    what: "workerd (Cloudflare Workers)",
    from: "miniflare",
    by: "`test/runtimes`: the same, through Miniflare",
  },
];

const packages: readonly Row[] = [
  { what: "`kysely`", from: "kysely", by: "every test with a SQL database" },
  { what: "`pg`", from: "pg", by: "every test with Postgres" },
  { what: "`mysql2`", from: "mysql2", by: "every test with MySQL or MariaDB" },
  { what: "`better-sqlite3`", from: "better-sqlite3", by: "every test with SQLite" },
  { what: "`tedious`", from: "tedious", by: "types; no server" },
  { what: "`mongodb`", from: "mongodb", by: "every test with MongoDB's responder" },
];

const sdks: readonly Row[] = [
  { what: "`@powersync/node`", from: "@powersync/node", by: "`test/client`" },
  {
    what: "`@powersync/web`",
    from: "@powersync/web",
    by: "`test/browser`: the demo's page, in Chromium",
  },
  { what: "`@powersync/common`", from: "@powersync/common", by: "types, in `test/types`" },
];

export async function compatibilityPage(): Promise<string> {
  const { engines, peerDependencies } = JSON.parse(await readFile("package.json", "utf8")) as {
    engines: { node: string };
    peerDependencies: Readonly<Record<string, string>>;
  };
  const versionOf = await installedVersion();
  const rows = (list: readonly Row[], head: string) =>
    table(
      [head, "Version", "Tested by"],
      list.map((row) => [row.what, versionOf(row.from), row.by]),
    );
  return paragraphs(
    "# Compatibility",
    banner,
    "The versions on which the tests run, and the tests that run on them. Folders are those of the repository.",
    `The package itself asks for Node ${engines.node}, and for these ranges of the packages beside it, all of them optional but \`kysely\`:`,
    table(
      ["Package", "Range"],
      Object.entries(peerDependencies).map(([name, range]) => [
        `\`${name}\``,
        `\`${range.replaceAll("|", "\\|")}\``,
      ]),
    ),
    "## Runtimes",
    rows(runtimes, "Runtime"),
    "The package is ESM. `require()` of every entry works where Node's `require()` loads ES modules, which is from 22.12 on: `npm run check:package` tries each of them.",
    "## Servers",
    rows(hosts, "Framework"),
    "Next.js route handlers and Supabase Edge Functions have an example each, which `test/runtimes/examples` calls: the former on Node, the latter on Deno.",
    "## Databases",
    await databasesTable(),
    "The number of cases is that of the conformance list, those of [the audit](audit.md) among them, without the few that only another kind of database can be held to.",
    "MySQL 8.0 and 8.4 have not been run, and neither have other major versions of Postgres and MariaDB. [Databases](databases.md) says what the library expects of each.",
    "## Drivers",
    rows(packages, "Package"),
    "## PowerSync's SDKs",
    rows(sdks, "Package"),
    "PowerSync's published connectors work unchanged: `test/client/reference` and `test/integration/published-connectors` send what they send.",
  );
}
