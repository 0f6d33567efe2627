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

/** `path: false`, because each of these hosts says itself which requests come here. `createTables` belongs in a migration. */
export function configFor({ DATABASE_URL, JWKS_URL = "" }: Environment) {
  const pool = guardPool(new pg.Pool({ connectionString: DATABASE_URL }));
  return {
    authenticate: jwt({
      jwksUri: JWKS_URL,
      issuer: "https://id.example.com",
      audience: "my-api",
      // So that a provider on this computer will do. From anywhere else keys come by https alone.
      allowLoopbackHttp: true,
    }),
    database: new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }),
    tables: { lists: { owner: "owner_id" } },
    path: false,
  } as const;
}
