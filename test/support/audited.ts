/** Holds this library's endpoint, or one that breaks a rule, to the audit: on SQLite, with tokens that are signed, and a database that can be away. */
import { jwtVerify, SignJWT } from "jose";
import { sql } from "kysely";
import { powersyncWrites } from "../../adapters/fetch.js";
import { type AuditReport, auditSql, runAudit } from "../../src/audit/index.js";
import { createWrites, unauthenticated, type WriteRequest } from "../../src/index.js";
import { betterSqlite3 } from "./databases.js";
import type { Endpoint, Mutant } from "./mutants.js";
import { auditRules, type TestPrincipal } from "./writes.js";

const key = new TextEncoder().encode("a secret of this test alone, 32 bytes or more");
const tokenOf = (sub: string): Promise<string> =>
  new SignJWT({ sub }).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h").sign(key);

async function authenticate({ headers }: WriteRequest): Promise<TestPrincipal> {
  const [, token = ""] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? [];
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ["HS256"] });
    return { userId: payload.sub ?? "" };
  } catch {
    throw unauthenticated();
  }
}

export interface Audited {
  /** @param only cases by the beginning of their id; without it, every one */
  audit: (
    mutant: Pick<Mutant, "config" | "intercept">,
    only?: readonly string[],
  ) => Promise<AuditReport>;
  close: () => Promise<void>;
}

export async function openAudited(): Promise<Audited> {
  const database = await betterSqlite3.open();
  await sql.raw(auditSql("sqlite")).execute(database.db);
  const [token, otherToken] = await Promise.all([tokenOf("alice"), tokenOf("bob")]);
  return {
    async audit({ config, intercept }, only) {
      await database.reset();
      let away = false;
      const own: Endpoint = powersyncWrites(
        createWrites({
          authenticate,
          database: database.db,
          tables: auditRules,
          checkpoints: true,
          logger: false,
          hooks: {
            // Not of `map`: with a mapping of the application's, a letter that can't be read stands for every row.
            persist: {
              before: async (write) => {
                if (away) throw new Error("ECONNREFUSED");
                return write;
              },
            },
          },
          ...config,
        }),
      );
      const endpoint = intercept?.(own) ?? own;
      return runAudit({
        url: "http://endpoint.test/api/data",
        token,
        otherToken,
        ...(only !== undefined && { only }),

        outage: {
          begin: async () => void (away = true),
          end: async () => void (away = false),
        },
        fetch: (url, init) => endpoint(new Request(url as URL, init)),
      });
    },
    close: () => database.close(),
  };
}
