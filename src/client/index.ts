/** `powersync-writes/client`: the device's side. It runs wherever PowerSync's JavaScript SDKs do, and needs nothing but `fetch`. */
export { PowerSyncWriteConnector } from "./connector.js";
export type { FatalFailure } from "./http.js";
export type { Credentials } from "./session.js";
export type { QueueBatch, QueueEntry, SqlExecutor, UploadDatabase } from "./options.js";
export type { UploadError, UploadErrorCode, UploadErrorDetails } from "./errors.js";
export type { Fetch } from "./http.js";
export type { ConnectorOptions, UserChange } from "./options.js";
export type { Bounds } from "./queue.js";
export type { RejectedWrite } from "./rejected.js";
export type { StatusListener, UploadStatus } from "./connector.js";
export type { QueuedOperation, QueuedTransaction } from "./transaction.js";
