/** powersync-writes: the server side of PowerSync's upload queue. */
export type { ClientColumnType, ClientSchema, ClientTable } from "./check/client-schema.js";
export type { Mismatch, MismatchCode } from "./check/mismatch.js";
export type {
  DatabaseOption,
  KeyedDatabase,
  LedgerOptions,
  OwnTable,
  OwnTablesOptions,
  ParkingOptions,
  WritesConfig,
} from "./config/config.js";
export type {
  DeadLettersOptions,
  RejectionOptions,
  RejectionRow,
} from "./config/letter-options.js";
export { fromReference } from "./config/reference.js";
export type {
  ReferenceAuth,
  ReferenceAuthorizer,
  ReferenceDeadLetter,
  ReferenceEntry,
  ReferenceError,
  ReferenceExtensions,
  ReferenceFatalErrorHandler,
  ReferenceMapped,
  ReferenceOptions,
  ReferenceTransaction,
} from "./config/reference-types.js";
export {
  anonymous,
  type CallContext,
  type Committed,
  type CommittedContext,
  type CommittedMutation,
  type DeadLetterContext,
  type FailureContext,
  type OperationContext,
  type Principal,
  type RequestContext,
  type RespondContext,
  type TransactionContext,
} from "./context.js";
export { createWrites } from "./create-writes.js";
export type {
  BulkDiscardReport,
  BulkOptions,
  BulkRetryOptions,
  BulkRetryReport,
  BulkRetryResult,
  Changed,
  ComparedColumn,
  ComparedOperation,
  DeadLetters,
  DiscardResult,
  EditOptions,
  EditResult,
  LetterComparison,
  LetterFilter,
  LetterOptions,
  LetterPage,
  ListOptions,
  NotFound,
  NotOpen,
  RetryOptions,
  RetryResult,
  VersionedLetter,
} from "./dead-letters/types.js";
export {
  badRequest,
  type FatalError,
  fatal,
  forbidden,
  type RetryableError,
  retryable,
  unauthenticated,
} from "./errors.js";
export type { WriteEvent } from "./events/events.js";
export type { CorsOptions } from "./http/cors.js";
export type { Logger } from "./events/logger.js";
export type {
  CrudEntry,
  CrudTransaction,
  DeadLetter,
  ErrorCode,
  FailedOperation,
  FatalResult,
  InvalidTransaction,
  LibraryErrorCode,
  NotAttemptedResult,
  OpData,
  Operation,
  RetryableResult,
  SuccessResult,
  TransactionResult,
  Upload,
  UploadShape,
  Write,
  WriteOutcome,
  WriteRequest,
  WriteResponse,
} from "./model.js";
export {
  anyOf,
  isMember,
  isOwner,
  type MemberTable,
  type ScopeCondition,
} from "./pipeline/conditions.js";
export type { MemberValue } from "./store/conditions.js";
export {
  defineMutators,
  type Mutator,
  type MutatorContext,
  type MutatorFunction,
  type Mutators,
} from "./pipeline/mutators.js";
export type { RowSchemas, StandardSchema } from "./pipeline/standard-schema.js";
export { defineTables } from "./pipeline/table-rule.js";
export type {
  AddBounds,
  ConflictRule,
  Resolution,
  ResolveConflict,
  RowConflict,
} from "./pipeline/conflict/rule.js";
export type {
  Hooks,
  LayerFunction,
  LayerHook,
  LayerName,
  LayerReplacement,
  Layers,
} from "./pipeline/layers.js";
export type {
  ColumnRule,
  Parent,
  ScopeRule as Scope,
  SplitContext,
  TableRule,
} from "./pipeline/table-rule.js";
export { rls, type RlsOptions } from "./rls/rls.js";
export { createTables, kyselyMigrations, tablesSql } from "./sql/own-tables/migrations.js";
export type { Letter, LetterStatus, LetterSummary, NamedRow } from "./store/letters.js";
export type { Store, StoredRow } from "./store/store.js";
export { toWire } from "./wire/answer.js";
export type { Limits, Timeouts } from "./wire/limits.js";
export type {
  CallOptions,
  CheckOptions,
  CheckpointOptions,
  DatabaseOf,
  Health,
  Readiness,
  Writes,
} from "./config/writes.js";
