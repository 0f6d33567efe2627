/** One server for the cases of every setting: the first part of the path says which. */
import type { Kysely } from "kysely";
import { powersyncWrites } from "../../adapters/fetch.js";
import { createWrites, type Writes } from "../../src/index.js";
import { settings } from "../conformance/settings.js";
import type { TestSchema } from "../support/schema.js";
import { auditRules, testConfig, type TestPrincipal } from "../support/writes.js";

export function writesOf(db: Kysely<TestSchema>): readonly Writes<TestPrincipal>[] {
  const config = testConfig(db);
  const tables = { ...config.tables, ...auditRules };
  return Object.entries(settings).map(([name, setting]) =>
    createWrites({ ...config, tables, ...setting, path: `/${name}/api/data` }),
  );
}

export function handlerOf(db: Kysely<TestSchema>): (request: Request) => Promise<Response> {
  const [first, ...others] = writesOf(db);
  if (first === undefined) throw new Error("There are no settings.");
  const fallback = powersyncWrites(first);
  const handlers = others.map((writes) => ({ writes, handle: powersyncWrites(writes) }));
  return (request) => {
    const own = handlers.find(({ writes }) => writes.handles(request.method, request.url));
    return (own?.handle ?? fallback)(request);
  };
}
