/** The connector fits PowerSync's SDKs, though it knows none of them. */
import type {
  CommonPowerSyncDatabase,
  CrudBatch,
  CrudEntry,
  PowerSyncBackendConnector,
} from "@powersync/common";
import type { PowerSyncDatabase } from "@powersync/node";
import {
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
