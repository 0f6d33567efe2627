/** `powersync-writes.config.ts`: database, authentication and rules, as text. */
import type { DatabaseKind } from "../database-url.js";
import type { Decision } from "./decide.js";
import { rulesText } from "./rules-file.js";
import type { Source } from "./source.js";
import { databaseType, generatedTypes } from "./types-file.js";

interface ConfigParts {
  readonly kind: DatabaseKind;
  /** The file of an SQLite database. */
  readonly file: string | undefined;
  readonly sources: readonly Source[];
  readonly decisions: ReadonlyMap<string, Decision>;
  /** The source, for the comment at the top. */
  readonly madeFrom: string;
}

export function configText({ kind, file, sources, decisions, madeFrom }: ConfigParts): string {
  const { dialect, imports, opened } = connections[kind];
  const typed = sources.filter(({ unsuitable }) => unsuitable === undefined);
  const generated = generatedTypes(typed).map((name) => `type ${name}`);
  const names = [...generated, "Kysely", dialect].join(", ");
  return `/// <reference types="node" />
/** Who may write what. Made by \`powersync-writes init\` from ${madeFrom}; yours to change. */
import { ${names} } from "kysely";
${imports}import { createWrites, defineTables } from "powersync-writes";
import { jwt } from "powersync-writes/jwt";
${guards[kind] ?? ""}
${databaseType(kind, typed)}
${opened(JSON.stringify(file ?? "app.db"))}
export const writes = createWrites({
  // Who calls. Supabase, Clerk, Auth0, Firebase, Cognito and Keycloak have settings ready-made.
  authenticate: jwt({
    jwksUri: required("JWKS_URL"),
    issuer: required("JWT_ISSUER"),
    audience: required("JWT_AUDIENCE"),
    allowLoopbackHttp: process.env["NODE_ENV"] !== "production",
  }),
  database,
  tables: defineTables<Database>()({
${rulesText(sources, decisions)}  }),
});

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(\`Set the environment variable \${name}: see .env.example.\`);
  }
  return value;
}
`;
}

const guards: Readonly<Partial<Record<DatabaseKind, string>>> = {
  postgres: 'import { guardPool } from "powersync-writes/pg";\n',
  mysql: 'import { guardPool } from "powersync-writes/mysql2";\n',
};

const connections: Readonly<
  Record<
    DatabaseKind,
    {
      readonly dialect: string;
      readonly imports: string;
      readonly opened: (file: string) => string;
    }
  >
> = {
  postgres: {
    dialect: "PostgresDialect",
    imports: 'import pg from "pg";\n',
    opened: () => `const pool = guardPool(
  new pg.Pool({
    connectionString: required("DATABASE_URL"),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    query_timeout: 30_000,
  }),
);
export const database = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
`,
  },
  mysql: {
    dialect: "MysqlDialect",
    imports: 'import { createPool } from "mysql2";\n',
    opened: () => `const pool = guardPool(
  createPool({
    uri: required("DATABASE_URL"),
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: "Z",
  }),
);
export const database = new Kysely<Database>({ dialect: new MysqlDialect({ pool }) });
`,
  },
  mssql: {
    dialect: "MssqlDialect",
    imports: 'import * as tarn from "tarn";\nimport * as tedious from "tedious";\n',
    opened: () => `const url = new URL(required("DATABASE_URL"));
const dialect = new MssqlDialect({
  tarn: { ...tarn, options: { min: 0, max: 10, acquireTimeoutMillis: 5_000 } },
  tedious: {
    ...tedious,
    connectionFactory: () =>
      new tedious.Connection({
        server: url.hostname,
        authentication: {
          type: "default",
          options: {
            userName: decodeURIComponent(url.username),
            password: decodeURIComponent(url.password),
          },
        },
        options: {
          port: Number(url.port || 1433),
          database: decodeURIComponent(url.pathname.slice(1)),
          // For a server with a certificate of its own making.
          trustServerCertificate: url.searchParams.get("trustServerCertificate") === "true",
        },
      }),
  },
});
export const database = new Kysely<Database>({ dialect });
`,
  },
  sqlite: {
    dialect: "SqliteDialect",
    imports: 'import SQLite from "better-sqlite3";\n',
    opened: (file) => `const file = new SQLite(process.env["SQLITE_FILE"] ?? ${file});
file.pragma("journal_mode = WAL");
export const database = new Kysely<Database>({ dialect: new SqliteDialect({ database: file }) });
`,
  },
};

/** Contains names without values: whoever has the secrets adds them. */
export function environmentText(kind: DatabaseKind): string {
  const url = {
    postgres: "DATABASE_URL=postgres://user:password@127.0.0.1:5432/app\n",
    mysql: "DATABASE_URL=mysql://user:password@127.0.0.1:3306/app\n",
    mssql: "DATABASE_URL=mssql://user:password@127.0.0.1:1433/app\n",
    sqlite: "# SQLITE_FILE=app.db\n",
  }[kind];
  return `# Copy this file to .env, fill it in, and keep .env out of version control.
${url}JWKS_URL=https://id.example.com/.well-known/jwks.json
JWT_ISSUER=https://id.example.com
JWT_AUDIENCE=my-api
PORT=3000
`;
}
