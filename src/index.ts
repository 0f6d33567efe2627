/** powersync-writes: the server side of PowerSync's upload queue. */
export { type Admin, createAdmin } from "./admin/admin.js";
export type { AdminOptions, Guard } from "./admin/options.js";
export { toWire } from "./answer.js";
export { anonymous } from "./authenticate.js";
export type { ClientColumnType, ClientSchema, ClientTable } from "./check/client-schema.js";
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
} from "./crud.js";
export {
  badRequest,
  type FatalError,
  fatal,
  forbidden,
  type RetryableError,
  retryable,
  unauthenticated,
} from "./errors.js";
export type { WriteEvent } from "./event.js";
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
} from "./layer.js";
export type { NamedRow } from "./letters/named-rows.js";
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
} from "./letters/words.js";
export type { Limits, Timeouts } from "./limits.js";
export { createWrites } from "./create-writes.js";
export type { Mismatch, MismatchCode } from "./check/mismatch.js";
export type { WriteRequest, WriteResponse } from "./request.js";
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
} from "./result.js";
export { rls, type RlsOptions } from "./rls/rls.js";
export type { ColumnRule, Parent, Scope, TableRule } from "./table-rule.js";
export type { OwnTable, OwnTablesOptions } from "./own/own-tables.js";
export { createTables, kyselyMigrations, tablesSql } from "./own/tables.js";
export type { Write, WriteOutcome } from "./write.js";
export type {
  CallOptions,
  CheckOptions,
  CheckpointOptions,
  DatabaseOf,
  Health,
  Readiness,
  Writes,
} from "./writes.js";
