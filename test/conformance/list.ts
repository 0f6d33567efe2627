/**
 * Every case, for whoever runs them: one list, in two parts. Those of the audit, which anybody can run over HTTP alone, are in `src/audit/cases`; those that need a look
 * into the database, or settings of their own, are here. No number stands in both.
 */
import { auditCases } from "../../src/audit/cases/list.js";
import { long } from "../support/long.js";
import type { Case } from "./case.js";
import { http } from "./cases/http.js";
import { keys } from "./cases/keys.js";
import { ledger } from "./cases/ledger.js";
import { scope } from "./cases/scope.js";
import { uploads } from "./cases/uploads.js";
import { writing } from "./cases/writing.js";

export const cases: readonly Case[] = [
  ...uploads,
  ...writing,
  ...scope,
  ...keys,
  ...ledger,
  ...http,
];

/** What sends much is left to `test/integration/audit.test.ts`, and so is what nothing here can cause. */
export const audited = auditCases.filter(
  ({ about, heavy = false }) => about !== "Outages" && (long || !heavy),
);

/** What no token of these tests can be made into: they are names. */
export const needsJwt: readonly string[] = ["S-353", "S-354", "S-355"];
