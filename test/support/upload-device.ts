/** A device in a process of its own, that uploads its queue again and again until it is empty: `node --import tsx upload-device.ts OPTIONS`. */
import { PowerSyncWriteConnector } from "../../src/client/index.js";
import { openDevice, queued } from "./device.js";

export interface UploadDeviceOptions {
  readonly folder: string;
  readonly file: string;
  readonly url: string;
  readonly token: string;
  /** In one request. */
  readonly transactions: number;
}

const { folder, file, url, token, transactions } = JSON.parse(
  process.argv[2] ?? "{}",
) as UploadDeviceOptions;
const database = openDevice(folder, file);
const connector = new PowerSyncWriteConnector({
  url,
  powersyncUrl: "http://127.0.0.1:1",
  getToken: () => token,
  batch: { transactions },
  deadLetters: { table: "rejected_writes" },
});
while ((await queued(database)).length > 0) {
  await connector.uploadData(database).catch((error: unknown) => process.send?.(String(error)));
}
await database.close();
process.send?.("empty");
process.disconnect();
