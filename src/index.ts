/** powersync-writes: the server side of PowerSync's upload queue. */
export { type Admin, createAdmin } from "./admin/admin.js";
export type { AdminOptions, Guard } from "./admin/admin.js";
export { toWire } from "./wire/answer.js";
export { anonymous } from "./pipeline/authenticate.js";
export type { ClientColumnType, ClientSchema, ClientTable } from "./check/types.js";
export type {
  LedgerOptions,
  ParkingOptions,
  RejectionOptions,
  RejectionRow,
  WritesConfig,
} from "./config.js";
export type { CorsOptions } from "./http/cors.js";
export type {
  CrudEntry,
  CrudTransaction,
  InvalidTransaction,
  OpData,
  Operation,
  Upload,
  UploadShape,
} from "./model.js";
export {
  badRequest,
  type FatalError,
  fatal,
  forbidden,
  type RetryableError,
  retryable,
  unauthenticated,
} from "./errors.js";
export type { WriteEvent } from "./events.js";
export type {
  CallContext,
  Committed,
  CommittedContext,
  DeadLetterContext,
  Hooks,
  LayerFunction,
  LayerHook,
  LayerName,
  LayerReplacement,
  Layers,
  OperationContext,
  Principal,
  RequestContext,
  RespondContext,
  StoredRow,
  TransactionContext,
} from "./pipeline/layers.js";
export type { NamedRow } from "./dead-letters/payload.js";
export type {
  BulkDiscardReport,
  BulkOptions,
  BulkRetryOptions,
  BulkRetryReport,
  BulkRetryResult,
  DeadLetters,
  DeadLettersOptions,
  DiscardResult,
  EditResult,
  Letter,
  LetterFilter,
  LetterOptions,
  LetterPage,
  LetterStatus,
  LetterSummary,
  ListOptions,
  NotFound,
  NotOpen,
  RetryOptions,
  RetryResult,
} from "./dead-letters/types.js";
export type { Limits, Timeouts } from "./wire/limits.js";
export { createWrites } from "./create-writes.js";
export type { Mismatch, MismatchCode } from "./check/types.js";
export type { WriteRequest, WriteResponse } from "./model.js";
export type {
  DeadLetter,
  ErrorCode,
  FailedOperation,
  FatalResult,
  LibraryErrorCode,
  NotAttemptedResult,
  RetryableResult,
  SuccessResult,
  TransactionResult,
} from "./model.js";
export { rls, type RlsOptions } from "./rls/rls.js";
export type { ColumnRule, Parent, Scope, TableRule } from "./table-rule.js";
export type { OwnTable, OwnTablesOptions } from "./sql/tables.js";
export { createTables, kyselyMigrations, tablesSql } from "./sql/migrations.js";
export type { Write, WriteOutcome } from "./model.js";
export type {
  CallOptions,
  CheckOptions,
  CheckpointOptions,
  DatabaseOf,
  Health,
  Readiness,
  Writes,
} from "./writes.js";
