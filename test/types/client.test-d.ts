/** The connector fits PowerSync's SDKs, though it knows none of them. */
import type {
  CommonPowerSyncDatabase,
  CrudBatch,
  CrudEntry,
  PowerSyncBackendConnector,
} from "@powersync/common";
import type { PowerSyncDatabase } from "@powersync/node";
import {
  powersyncAuthenticator,
  powersyncUploader,
  PowerSyncWriteConnector,
  type QueueBatch,
  type QueueEntry,
  type UploadDatabase,
  type UploadError,
  type UploadErrorCode,
  type UploadStatus,
} from "../../src/client/index.js";
import { expectType } from "./expect.js";

/** It is what `connect()` takes. */
const connector: PowerSyncBackendConnector = new PowerSyncWriteConnector({
  url: "https://api.example.com/api/data",
  powersyncUrl: "https://example.powersync.journeyapps.com",
  getToken: async () => "token",
});
declare const database: PowerSyncDatabase;
void database.connect(connector);

/** What the SDKs' reference says of connectors in two parts. `@powersync/common` does not export it yet. */
interface UploadMutationsOptions {
  database: CommonPowerSyncDatabase;
  abort?: AbortSignal;
}
type MutationUploader = (options: UploadMutationsOptions) => Promise<void>;
interface Authenticator {
  resolveCredentials(options: { abort?: AbortSignal }): Promise<string>;
  invalidateCredentials?(): void;
  postCheckpointRequest?(
    clientId: string,
    requestId: string,
    signal?: AbortSignal,
  ): Promise<string>;
}
declare function connect(options: {
  powerSyncEndpoint?: string;
  authenticator?: Authenticator;
  upload?: MutationUploader | { uploadMutations: MutationUploader };
}): void;

/** The halves are what it takes: the uploader as a function and as an object, alone too. */
const uploader = powersyncUploader({ url: "https://api.example.com", getToken: () => "token" });
connect({ upload: uploader.uploadMutations });
connect({ upload: uploader });
connect({
  powerSyncEndpoint: "https://example.powersync.journeyapps.com",
  authenticator: powersyncAuthenticator({ getToken: async () => "token" }),
  upload: uploader.uploadMutations,
});
expectType<UploadStatus>()(useSyncExternalStore(uploader.subscribe, () => uploader.status));

/** Both may have the same options, and the endpoint is needed for checkpoint requests. */
const options = { url: "https://api.example.com", getToken: () => "token" };
powersyncAuthenticator(options);
powersyncAuthenticator({ ...options, checkpointRequests: true });
// @ts-expect-error Where to post them?
powersyncAuthenticator({ getToken: () => "token", checkpointRequests: true });
// @ts-expect-error Where to send?
powersyncUploader({ getToken: () => "token" });
// @ts-expect-error An uploader has no PowerSync service.
powersyncUploader({ url: "", getToken: () => "token", powersyncUrl: "" });

/** Whatever the SDK's database, batch and entry are, they are what it needs. */
export const fits = (
  database: CommonPowerSyncDatabase,
  batch: CrudBatch,
  entry: CrudEntry,
): [UploadDatabase, QueueBatch, QueueEntry] => [database, batch, entry];

/** An edited transaction is still one. */
declare const writes: PowerSyncWriteConnector;
void writes.resend(database, "id", [{ op: "PUT", table: "lists", id: "1", opData: { name: "a" } }]);
// @ts-expect-error No such operation.
void writes.resend(database, "id", [{ op: "MERGE", table: "lists", id: "1" }]);

new PowerSyncWriteConnector({
  url: "",
  powersyncUrl: "",
  getToken: ({ refresh }) => (refresh ? null : "token"),
  fetch,
  onFatalTransaction: async ({ code, requiresClientHandling }, { crud }) =>
    code === "CONFLICT" && requiresClientHandling && crud.length === 1 ? "complete" : "retain",
  // @ts-expect-error No such decision.
  onUserChanged: () => "drop",
});
// @ts-expect-error Where to send?
new PowerSyncWriteConnector({ powersyncUrl: "", getToken: () => "token" });
// @ts-expect-error A token is text.
new PowerSyncWriteConnector({ url: "", powersyncUrl: "", getToken: () => 7 });

/** Errors are told apart by their code. */
declare const error: UploadError;
expectType<UploadErrorCode>()(error.code);
expectType<Error>()(error as Error);
// @ts-expect-error No such code.
void (error.code === "OFFLINE");

/** As React's: `useSyncExternalStore(connector.subscribe, () => connector.status)`. */
declare function useSyncExternalStore<T>(
  subscribe: (onChange: () => void) => () => void,
  getSnapshot: () => T,
): T;
expectType<UploadStatus>()(useSyncExternalStore(writes.subscribe, () => writes.status));
