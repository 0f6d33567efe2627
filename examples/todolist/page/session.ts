/** One user on one device: the local database, the connector, and the switch between online and offline. */
import { createConsoleLogger, LogLevels, PowerSyncDatabase } from "@powersync/web";
// In an application: from "powersync-writes/client".
import { PowerSyncWriteConnector } from "../../../src/client/index.js";
import { rejectedWrites, schema } from "./schema.js";

/** Set when the page is bundled. */
declare const POWERSYNC_URL: string | null;
declare const STAND_IN_PATH: string;

export interface Session {
  readonly user: string;
  readonly database: PowerSyncDatabase;
  readonly connector: PowerSyncWriteConnector;
  getToken(options: { readonly refresh: boolean }): Promise<string>;
  /** Whether nothing is downloaded, because there is no PowerSync service. */
  readonly standIn: boolean;
  isOnline(): boolean;
  setOnline(online: boolean): void;
  /** Registers a listener, which is also called for a change in another tab. */
  onOnline(listener: () => void): void;
}

export function openSession(user: string): Session {
  const worker = "/powersync/worker.js";
  const logger = createConsoleLogger({ prefix: "powersync", minLevel: LogLevels.warn });
  const database = new PowerSyncDatabase({
    schema,
    // Each user has their own database, which several tabs share.
    database: { dbFilename: `todolist-${user}.db`, worker },
    sync: { worker, logLevel: LogLevels.warn },
    logger,
  });
  const getToken = createGetToken(user);
  const connection = createSwitch(`todolist-offline-${user}`);
  const connector = new PowerSyncWriteConnector({
    url: `${location.origin}/api/data`,
    powersyncUrl: POWERSYNC_URL ?? location.origin + STAND_IN_PATH,
    getToken,
    deadLetters: { table: rejectedWrites },
    fetch: (url, init) =>
      connection.isOnline() ? fetch(url, init) : Promise.reject(new TypeError("Switched off.")),
  });
  const apply = () => {
    const done = connection.isOnline()
      ? database.connect(connector, { retryDelayMs: 1_000, crudUploadThrottleMs: 100 })
      : database.disconnect();
    done.catch((error: unknown) => logger.log({ level: LogLevels.warn, message: "", error }));
  };
  apply();
  connection.onOnline(apply);
  return { user, database, connector, getToken, standIn: POWERSYNC_URL === null, ...connection };
}

/** Gets development tokens. An application gets its tokens from an identity provider. */
function createGetToken(user: string) {
  let token: string | undefined;
  return async ({ refresh }: { readonly refresh: boolean }): Promise<string> => {
    if (refresh || token === undefined) {
      const response = await fetch(`/dev/token?sub=${encodeURIComponent(user)}`);
      if (!response.ok) throw new Error(`The request for a token was answered ${response.status}.`);
      token = ((await response.json()) as { token: string }).token;
    }
    return token;
  };
}

/** Remembers whether the page is offline, so that it still is after a reload. */
function createSwitch(key: string) {
  const listeners: (() => void)[] = [];
  const tell = () => listeners.forEach((listener) => listener());
  addEventListener("storage", (event) => event.key === key && tell());
  return {
    isOnline: () => localStorage.getItem(key) === null,
    setOnline(online: boolean) {
      if (online) localStorage.removeItem(key);
      else localStorage.setItem(key, "1");
      tell();
    },
    onOnline(listener: () => void) {
      listeners.push(listener);
    },
  };
}
