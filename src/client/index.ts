/** `powersync-writes/client`: the connector for devices. It runs wherever PowerSync's JavaScript SDKs do, and needs only `fetch`. */
export { PowerSyncWriteConnector } from "./connector.js";
export { type PowerSyncAuthenticator, powersyncAuthenticator } from "./authenticator.js";
export {
  type PowerSyncUploader,
  powersyncUploader,
  type UploadMutationsOptions,
} from "./uploader.js";
export {
  type ArgumentsSchema,
  createMutators,
  MutationArgumentsError,
  type MutationDatabase,
  type MutationIssue,
  type MutationTransaction,
} from "./mutators.js";
export type { QueueBatch, QueueEntry, SqlExecutor, UploadDatabase } from "./transaction.js";
export type { UploadError, UploadErrorCode, UploadErrorDetails } from "./errors.js";
export type { FatalFailure, Fetch } from "./http.js";
export type {
  AuthenticatorOptions,
  Bounds,
  CheckpointOptions,
  ConnectorOptions,
  EndpointOptions,
  TokenOptions,
  UploaderOptions,
  UserChange,
} from "./options.js";
export type { RejectedWrite } from "./rejected.js";
export type { StatusListener, UploadStatus } from "./status.js";
export type { Credentials } from "./authenticator.js";
export type { RequestCheckpoint } from "./authenticator.js";
export type { QueuedOperation, QueuedTransaction } from "./transaction.js";
