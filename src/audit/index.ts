/** `powersync-writes/audit`: tests any write endpoint against the contract, over HTTP only. */
export { auditCases } from "./cases/list.js";
export { junitOf, mendOf, tableOf } from "./report.js";
export { AuditImpossible } from "./abilities.js";
export { type AuditOptions, type AuditReport, type CaseOutcome, runAudit } from "./run.js";
export { auditDialects, type AuditDialect, auditSql } from "./sql.js";
export type {
  AuditCase,
  Caller,
  Expected,
  Feature,
  Given,
  Level,
  Limits,
  Need,
  Outcome,
  Send,
  Sight,
  Status,
  Step,
} from "./case.js";
export type { Exchange, Outage } from "./steps.js";
