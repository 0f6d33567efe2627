/** The configuration that the examples in this folder mount: authentication, database and rules. */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import { jwt } from "../../src/jwt/index.js";

export interface Database {
  lists: { id: string; name: string | null; owner_id: string };
}

export interface Environment {
  readonly DATABASE_URL?: string | undefined;
  readonly JWKS_URL?: string | undefined;
}

/** Opens the database. Call `createTables` in a migration. */
export function connect({ DATABASE_URL }: Environment): Kysely<Database> {
  const pool = guardPool(new pg.Pool({ connectionString: DATABASE_URL }));
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

/** The configuration without the database. `path` is false, because each of these hosts routes requests itself. */
export function rulesFor({ JWKS_URL = "" }: Environment) {
  return {
    authenticate: jwt({
      jwksUri: JWKS_URL,
      issuer: "https://id.example.com",
      audience: "my-api",
      // Allows an identity provider on this computer. From other hosts, keys are fetched only over https.
      allowLoopbackHttp: true,
    }),
    tables: { lists: { owner: "owner_id" } },
    path: false,
  } as const;
}

export function configFor(environment: Environment) {
  return { ...rulesFor(environment), database: connect(environment) };
}
