/** What the examples beside this file mount: whose tokens count, where the data is, and who may write what. */
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

/** `createTables` belongs in a migration. */
export function connect({ DATABASE_URL }: Environment): Kysely<Database> {
  const pool = guardPool(new pg.Pool({ connectionString: DATABASE_URL }));
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

/** All but the database. `path: false`, because each of these hosts says itself which requests come here. */
export function rulesFor({ JWKS_URL = "" }: Environment) {
  return {
    authenticate: jwt({
      jwksUri: JWKS_URL,
      issuer: "https://id.example.com",
      audience: "my-api",
      // So that a provider on this computer will do. From anywhere else keys come by https alone.
      allowLoopbackHttp: true,
    }),
    tables: { lists: { owner: "owner_id" } },
    path: false,
  } as const;
}

export function configFor(environment: Environment) {
  return { ...rulesFor(environment), database: connect(environment) };
}
